"""What a user asks for with ``madcore quartet`` and ``madcore synth``: names and numbers, nothing loaded yet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from string import ascii_lowercase

from madcore.errors import InputError

__all__ = ["QUARTET", "Level", "Request", "read_level"]

QUARTET = ("a_min", "a_max", "b_min", "b_max")
NOISE_KINDS = ("noise", "equivalent_noise")


@dataclass(frozen=True)
class Level:
    """At which values metrics are held; a number is decimal text, ``0.1`` however it was written (0.10, 1e-1).

    Parameters
    ----------
    kind : str
        ``noise`` or ``equivalent_noise`` with a standard deviation, ``values`` with one for each letter, ``start`` for
        the values at the start image.
    value : str or mapping
        As `kind` says.
    """

    kind: str
    value: str | Mapping[str, str] = ""

    def __post_init__(self) -> None:
        """Write each number in the one way that records have it."""
        given = self.value
        if isinstance(given, Mapping):
            given = {letter: _shortest(number) for letter, number in given.items()}
        elif given:
            given = _shortest(given)
        object.__setattr__(self, "value", given)

    def of(self, letters: Sequence[str]) -> str | list[float] | None:
        """Return the level for `madcore.synthesize` when the metrics of these letters are held."""
        if self.kind == "start":
            return None
        if isinstance(self.value, str):
            return f"{self.kind}:{self.value}"
        return [float(self.value[letter]) for letter in letters]

    def record(self) -> dict[str, object]:
        """Return what a record says of it."""
        value = dict(self.value) if isinstance(self.value, Mapping) else self.value
        return {"kind": self.kind, "value": value} if value else {"kind": self.kind}


@dataclass(frozen=True)
class Request:
    """One picture, its metrics, and the MAD images that are wanted of them.

    The metrics have letters in their order, a, b, c, ...; the image ``a_min`` has metric a minimised while all others
    are held.  The fields have the names and meanings of the launcher's options.
    """

    metrics: tuple[str, ...]
    picture: str
    images: tuple[str, ...] = QUARTET
    level: Level = field(default_factory=lambda: Level("noise", "0.1"))
    start: str | None = None
    mask: str | None = None
    initial_noise: float | None = None
    seed: int = 0
    starts: int = 1
    size: str | None = None
    crop: str | None = None
    gray: bool = False
    layout: str | None = None
    penalty: str | None = None
    penalty_weight: float = 0.1
    solver: str = "level_set"
    optimizer: str | None = None
    optimizer_options: Mapping[str, object] = field(default_factory=dict)
    max_iter: int = 200
    tolerance: float = 1e-6
    bits: int = 8
    device: str = "auto"
    dtype: str = "float32"

    @property
    def letters(self) -> str:
        """The letters of the metrics."""
        return ascii_lowercase[: len(self.metrics)]

    def held(self, image: str) -> str:
        """Return the letters of the metrics that are held while an image is synthesised."""
        return self.letters.replace(image[0], "")


def read_level(
    texts: Sequence[str], metrics: Mapping[str, str], initial_noise: float | None, start: str | None
) -> Level:
    """Read what was given with ``--level``.

    Parameters
    ----------
    texts : sequence of str
        ``noise:S`` or ``equivalent_noise:S``; or one value for each held metric, ``NAME=VALUE`` or, in their order,
        ``VALUE``.
    metrics : mapping
        Names of the metrics that are held, by letter.
    initial_noise, start : optional
        Options that say what the start image is.

    Raises
    ------
    InputError
        If the texts are not of that form, or contradict the start image.
    """
    if start and initial_noise is not None:
        raise InputError("--start and --initial-noise both say what the start image is; give one of them")
    if not texts:
        return Level("start") if start else Level("noise", f"{0.1 if initial_noise is None else initial_noise:g}")
    kind, colon, amount = texts[0].partition(":")
    if len(texts) == 1 and colon and kind in NOISE_KINDS:
        if kind == "noise" and (start or initial_noise is not None):
            raise InputError(f"--level {texts[0]} makes the start image too; leave out --start and --initial-noise")
        return Level(kind, _number(amount, texts[0]))
    pairs = [(name, value) for name, _, value in (text.rpartition("=") for text in texts)]
    if not all(name for name, _ in pairs) and not any(name for name, _ in pairs):
        return _in_order([value for _, value in pairs], metrics)
    values: dict[str, str] = {}
    for (name, value), text in zip(pairs, texts, strict=True):
        letter = _letter(name, metrics, text)
        if letter in values:
            raise InputError(f"--level of {name} is given twice; give it once")
        values[letter] = _number(value, text)
    return _complete(values, metrics)


def _in_order(values: Sequence[str], metrics: Mapping[str, str]) -> Level:
    for value in values:
        _number(value, value)
    if "a" in metrics and len(metrics) > 1:  # a quartet, where which metric is meant must be plain
        raise InputError(f"--level {values[0]} does not say of which metric; write --level {metrics['a']}={values[0]}")
    if len(values) != len(metrics):
        raise InputError(
            f"--level must be given once for each held metric ({', '.join(metrics.values())}); got {len(values)}"
        )
    return _complete({letter: value.strip() for letter, value in zip(metrics, values, strict=True)}, metrics)


def _letter(name: str, metrics: Mapping[str, str], text: str) -> str:
    """Find the metric by what the user called it, or by its bare name where only one has that."""
    exact = [letter for letter, metric in metrics.items() if metric == name]
    bare = [letter for letter, metric in metrics.items() if metric.partition(",")[0] == name]
    found = exact or bare
    if len(found) != 1:
        allowed = " and ".join(f"{metric}=VALUE" for metric in metrics.values())
        raise InputError(
            f"--level {text} names no single held metric; allowed are noise:S, equivalent_noise:S or {allowed}"
        )
    return found[0]


def _complete(values: Mapping[str, str], metrics: Mapping[str, str]) -> Level:
    missing = [metric for letter, metric in metrics.items() if letter not in values]
    if missing:
        raise InputError(f"--level is missing for {' and '.join(missing)}; write --level {missing[0]}=VALUE too")
    return Level("values", {letter: values[letter] for letter in metrics})


def _shortest(number: str) -> str:
    """Write a number with as few digits as tell it from others, and without exponent."""
    return f"{Decimal(repr(float(number))).normalize():f}"


def _number(text: str, given: str) -> str:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"--level {given} is no level; allowed are noise:S, equivalent_noise:S, VALUE or NAME=VALUE, above 0"
        )
    return text.strip()
