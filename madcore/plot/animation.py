"""The course of a synthesis as a movie: GIF through Pillow, MP4 and others where ffmpeg is there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.artist import Artist
from torch import Tensor

from madcore.errors import InputError
from madcore.plot.status import PANELS, draw_status, status_axes
from madcore.plot.views import Synthesis, view

__all__ = ["Movie", "synthesis_animate"]


class Movie(FuncAnimation):
    """An animation of matplotlib that chooses its writer by the name of the file."""

    def save(  # type: ignore[override]
        self, filename: Any, writer: AbstractMovieWriter | str | None = None, **options: Any
    ) -> None:
        """Write a GIF, which Pillow does, or another movie, for which ffmpeg is needed.

        Parameters
        ----------
        filename : str or path
            Ends in ``.gif``, ``.mp4``, ``.webm``, ...
        writer : optional
            One of matplotlib's writers, in place of these.
        **options
            As for ``FuncAnimation.save``.

        Raises
        ------
        InputError
            If ffmpeg is needed and not installed.
        """
        if writer is None:
            kind = Path(filename).suffix.lower()
            if kind != ".gif" and not FFMpegWriter.isAvailable():
                raise InputError(f"{filename} needs ffmpeg, which was not found: install it, or write a .gif")
            fps = options.pop("fps", self.framerate)
            writer = PillowWriter(fps=fps) if kind == ".gif" else FFMpegWriter(fps=fps)
        super().save(str(filename), writer=writer, **options)

    framerate: float = 10


def synthesis_animate(
    synthesis: Synthesis,
    framerate: float = 10,
    *,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    included_plots: Collection[str] = PANELS[:2],
    process_image: Callable[[Tensor], Tensor] | None = None,
) -> Movie:
    """Show `synthesis_status` for each kept image, one after the other.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        Synthesised with ``store_progress``.
    framerate : float
        Images a second.
    batch_idx, channel_idx, included_plots, process_image : optional
        As for `synthesis_status`.

    Returns
    -------
    Movie
        Save it with ``movie.save("movie.gif")``, or show it in a notebook with ``movie.to_jshtml()``.

    Raises
    ------
    InputError
        If no images were kept.
    """
    seen = view(synthesis, batch_idx, channel_idx)
    if not seen.every:
        raise InputError("no images were kept to animate: synthesize with store_progress=1, or each so many iterations")
    figure, axes = status_axes(seen, included_plots)

    def draw(iteration: int) -> list[Artist]:
        for each in (ax for panel in axes.values() for ax in panel):
            each.clear()
        draw_status(axes, seen, iteration, process_image)
        return []

    movie = Movie(figure, draw, frames=sorted(seen.kept), interval=1000 / framerate, repeat=False)  # type: ignore[arg-type]
    movie.framerate = framerate
    return movie
