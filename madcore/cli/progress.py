"""How synthesis goes, on the standard error: bars on a terminal, a line for each finished image elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from madcore.cli.interrupt import Stop
from madcore.cli.session import talk
from madcore.wording import describe_image, write_error, write_value

if TYPE_CHECKING:
    from madcore.synthesis import Progress

__all__ = ["Bars", "Lines", "make_watcher"]

ROOM = 33  # letters beside a bar of 80 columns; longer names stand once above, their letters in their place


class Lines:
    """Says a line when an image is finished."""

    def __init__(self, names: Mapping[str, str], stop: Stop) -> None:
        self.names = names
        self.stop = stop
        self.shown: AbstractContextManager[object] = nullcontext()

    def started(self, name: str) -> None:
        """Say nothing."""

    def moved(self, name: str, progress: Progress) -> bool:
        """Say nothing, but stop where it was asked for."""
        return self.stop.requested

    def finished(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Say what became of the image."""
        value, error = write_value(entry["exact"][name[0]]), write_error(entry["held_error"])
        talk(
            f"{name}: {_describe(name, self.names)}: {value}, held error {error}, "
            f"{entry['stopped']} after {entry['evaluations']} evaluations, {entry['seconds']:.1f} s"
        )
        return self.stop.requested


class Bars:
    """Shows a bar for each image."""

    def __init__(self, names: Mapping[str, str], stop: Stop, images: Sequence[str], max_iter: int, starts: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.stop = stop
        names = _short_names(names, images)
        self.total = max_iter * starts
        columns = (
            TextColumn("{task.description}"),
            BarColumn(None),  # what the texts leave
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
        )
        self.bars = Progress(*columns, console=Console(stderr=True))
        self.shown: AbstractContextManager[object] = self.bars
        self.tasks = {
            name: self.bars.add_task(f"{name}  {_describe(name, names)}", start=False, total=self.total, said="")
            for name in images
        }
        self.begun: dict[str, tuple[int, int]] = {}

    def started(self, name: str) -> None:
        """Start the clock."""
        self.bars.start_task(self.tasks[name])

    def moved(self, name: str, progress: Progress) -> bool:
        """Move the bar; it begins again at each further start image, behind the whole of those before."""
        rounds, last = self.begun.get(name, (0, 0))
        rounds += progress.evaluations < last
        self.begun[name] = (rounds, progress.evaluations)
        said = write_value(float(progress.optimized_value[0]))
        self.bars.update(self.tasks[name], completed=rounds * progress.max_iter + progress.evaluations, said=said)
        return self.stop.requested

    def finished(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Fill the bar."""
        said = f"{write_value(entry['exact'][name[0]])}  {entry['stopped']}"
        self.bars.update(self.tasks[name], completed=self.total, said=said)
        self.bars.stop_task(self.tasks[name])
        return self.stop.requested


def make_watcher(
    names: Mapping[str, str], stop: Stop, images: Sequence[str], max_iter: int, starts: int
) -> Lines | Bars:
    """Make what fits the standard error."""
    if sys.stderr.isatty():
        return Bars(names, stop, images, max_iter, starts)
    return Lines(names, stop)


def _describe(image: str, names: Mapping[str, str]) -> str:
    return ", ".join(describe_image(image, names))


def _short_names(names: Mapping[str, str], images: Sequence[str]) -> Mapping[str, str]:
    """Return the names, or, where these leave no room for the rest of a line, their letters, having said whose."""
    if max(len(_describe(image, names)) for image in images) <= ROOM:
        return names
    for letter, name in names.items():
        talk(f"{letter}: {name}")
    return {letter: letter for letter in names}
