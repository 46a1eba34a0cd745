"""What is found of one file of a received match."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """What was found of one image in a file, or of a file that holds no MAD image.

    Attributes
    ----------
    file : str
        ``a_min.png``, ``exact.safetensors:a_min``.
    optimized_value, held_error, optimality : float, optional
        As measured; the last for exact images only.
    reference_value : dict, optional
        Values of the held metrics by letter.
    tolerance : float, optional
        Of the held error: what this file was judged by.
    outside : int, optional
        Number of pixels outside [0, 1], or changed although masked.
    problems : tuple of str
        In words; none if all holds.
    short : bool
        Whether `tolerance` is the error that the record says was the smallest to be reached.
    """

    file: str
    optimized_value: float | None = None
    reference_value: dict[str, float] | None = None
    held_error: float | None = None
    tolerance: float | None = None
    outside: int | None = None
    optimality: float | None = None
    problems: tuple[str, ...] = ()
    short: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
