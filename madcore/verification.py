"""What a received match is worth: every file measured again, each judged by its own tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from madcore.certificate import Certificate, certify
from madcore.errors import InputError, MadcoreError
from madcore.export import measure
from madcore.images import decode_image
from madcore.problem import MADProblem, signs
from madcore.quantization import TOLERANCES
from madcore.received import EXACT, Builder, Received, receive
from madcore.registry import Registry
from madcore.solvers.kinks import Kinks
from madcore.store import RECORD, SingleMatch, Store, find_store

__all__ = ["Check", "verify_match", "verify_store"]

SENSELESS = (LookupError, TypeError, AttributeError, ValueError, RuntimeError)  # a record may hold anything
SAME = {torch.float64: 1e-6, torch.float32: 1e-3}  # relative difference of values that count as those of the record
DRIFT = {torch.float64: 1e-9, torch.float32: 1e-5}  # of a held error, from machine to machine


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


def verify_match(path: Path, registry: Registry | None = None, *, allow_code: bool = False) -> list[Check]:
    """Measure what madcore has written, and compare it with its record.

    Parameters
    ----------
    path : Path
        The folder of a match, in a store or by itself, or one file in it.
    registry : Registry, optional
        Plugins to look in.
    allow_code : bool
        Whether files and modules that the record names as metrics may be run.

    Raises
    ------
    InputError
        If there is no such file or no record, or code may not be run.
    MadcoreError
        If a metric does not exist here.
    """
    whole = path.is_dir() or path.name == RECORD
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder that madcore has written, or a file in it")
    results: Store | SingleMatch | None = find_store(folder)
    if results is None:
        results = SingleMatch(folder)
    (match,) = [folder.absolute().name] if isinstance(results, Store) else results.ids()
    try:
        checks = _verify(results, match, Builder(registry, allow_code))
    except MadcoreError:
        raise
    except SENSELESS as error:
        raise InputError(f"{folder / RECORD} is damaged ({error!r}); ask for the match again") from error
    known = {check.file.partition(":")[0] for check in checks}
    if not whole and path.name not in known:
        raise InputError(f"{path} is not in {folder / RECORD}; it lists {', '.join(sorted(known))}")
    return checks if whole else [check for check in checks if check.file.partition(":")[0] in (path.name, RECORD)]


def verify_store(
    store: Store, matches: Iterable[str], registry: Registry | None = None, *, allow_code: bool = False
) -> Iterator[tuple[str, list[Check]]]:
    """Measure matches of a store, as `verify_match` does each; metrics are built once.

    Parameters
    ----------
    store : Store
        The store.
    matches : iterable of str
        Identities of those to measure.
    registry, allow_code
        As for `verify_match`.

    Yields
    ------
    tuple
        The identity of a match, and what was found.
    """
    builder = Builder(registry, allow_code)
    for match in matches:
        try:
            store.record(match)
        except InputError as error:  # one bad record does not hide the others
            yield match, [Check(RECORD, problems=(str(error),))]
            continue
        try:
            yield match, _verify(store, match, builder)
        except MadcoreError:
            raise
        except SENSELESS as error:
            yield match, [Check(RECORD, problems=(f"makes no sense ({error!r})",))]


def _verify(results: Store | SingleMatch, match: str, builder: Builder) -> list[Check]:
    received = receive(results, match, builder)
    start = _start_values(received)
    images = [_Image(received, name, start) for name in received.record["images"]]
    checks = [check for image in images for check in image.checks()]
    if images:
        images[0].compare_start()
    measured = {check.file for check in checks}
    listed = [RECORD, *received.expected, *received.record["files"], *received.problems]
    others = [name for name in dict.fromkeys(listed) if name not in measured]
    return checks + [Check(name, problems=tuple(received.problems.get(name, ()))) for name in sorted(others)]


def _start_values(received: Received) -> dict[str, float]:
    """Measure the start image by all metrics; nothing where it or the reference image cannot be read."""
    image, start = received.reference, received.exact.get("start")
    if image is None or start is None or start.shape != image.shape:
        return {}
    return measure(received.metrics, image, start)


@dataclass(frozen=True)
class _Image:
    """One MAD image of a match: its problem, and the two files that claim to solve it."""

    received: Received
    name: str
    start: dict[str, float]

    def checks(self) -> list[Check]:
        kept = {EXACT: self._exact, f"{self.name}.png": self._png}
        return [check() for file, check in kept.items() if file in self.received.expected]

    def compare_start(self) -> None:
        """Note values of the start image that are not those of the record."""
        if self.problem is not None and self.start:
            stated = self.received.record["start"]["exact"]
            for problem in self._differences(self.start, stated, self.problem.precise.image.dtype):
                self.received.blame(f"{EXACT}:start", problem)

    @property
    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.received.record["images"][self.name]
        return entry

    @property
    def held(self) -> list[str]:
        return [letter for letter in self.received.metrics if letter != self.name[0]]

    @cached_property
    def level(self) -> Tensor:
        return torch.tensor([[self.entry["level"][letter] for letter in self.held]], dtype=torch.float64)

    @cached_property
    def problem(self) -> MADProblem | None:
        """The problem in the type of the run; masked pixels are those that the exact image has kept."""
        image, key = self.received.reference, self.received.record["key"]
        if image is None:
            return None
        low, high = torch.zeros_like(image), torch.ones_like(image)
        exact = self.received.exact.get(self.name)
        if "mask" in key and exact is not None and exact.shape == image.shape:
            low, high = (torch.where(exact == image, image, bound) for bound in (low, high))
        return MADProblem.create(
            image,
            self.received.metrics[self.name[0]],
            tuple(self.received.metrics[letter] for letter in self.held),
            signs(self.name[2:], 1),
            low=low,
            high=high,
            penalty=self.received.penalty,
            penalty_lambda=key.get("penalty", {}).get("weight", 0.0),
        )

    def _exact(self) -> Check:
        file, tolerance = f"{EXACT}:{self.name}", self.received.record["key"]["solver"]["options"]["tolerance"]
        problems = self._wrong_level()
        picture = self.received.exact.get(self.name)
        if picture is None:
            return Check(file, problems=tuple(problems or ["is missing"]))
        found = self._measure(picture)
        if found is None:
            return self._unmeasured(file, problems, picture)
        problems += self._judge(found, tolerance, self.entry["exact"], self.entry["held_error"])
        stated = self.entry["optimality"]
        if found.optimality.item() > 1.1 * (math.inf if stated is None else stated) + 1e-4:
            problems.append(f"residual is {found.optimality.item():.1e}; the record has {stated:.1e}")
        return self._check(file, found, tolerance, problems, optimality=found.optimality.item())

    def _png(self) -> Check:
        file, stated = f"{self.name}.png", self.entry["png"]
        problems, content = list(self.received.problems.get(file, ())), self.received.content(file)
        if content is None:
            return Check(file, problems=tuple(problems))
        try:
            picture = decode_image(content, file)
        except MadcoreError as error:
            return Check(file, problems=tuple(problems or [str(error)]))
        found = self._measure(picture)
        if found is None:
            return self._unmeasured(file, problems, picture)
        found = replace(found, outside=self._outside(picture, stated["bits"]))
        allowed, reached = TOLERANCES[stated["bits"]], stated["held_error"]
        short = reached is not None and reached > allowed
        tolerance = reached * (1 + 1e-6) if short else allowed
        if stated["tolerance"] != allowed:
            problems.append(f"tolerance is {allowed:g}; the record has {stated['tolerance']:g}")
        problems += self._judge(found, tolerance, stated, reached)
        return replace(self._check(file, found, tolerance, problems), short=short)

    def _outside(self, picture: Tensor, bits: int) -> Tensor:
        """Count the pixels outside the range by more than rounding: a masked one may be between two codes."""
        if self.problem is None:
            return torch.zeros(1)
        point, half = picture.flatten(1), 0.51 / (2**bits - 1)
        return ((point < self.problem.bounds.low - half) | (point > self.problem.bounds.high + half)).sum(1)

    def _measure(self, picture: Tensor) -> Certificate | None:
        if self.problem is None or picture.shape != self.problem.image.shape:
            return None
        problem = self.problem.precise
        return certify(problem, picture.to(problem.image.dtype).flatten(1), self.level, self._kinks)

    @cached_property
    def _kinks(self) -> Kinks | None:
        start = self.received.exact.get("start")
        level_set = self.received.record["key"]["solver"]["name"] == "level_set"
        if self.problem is None or start is None or start.shape != self.problem.image.shape or not level_set:
            return None
        return Kinks.find(self.problem, start.to(self.problem.image.dtype).flatten(1))

    def _unmeasured(self, file: str, problems: list[str], picture: Tensor) -> Check:
        if self.problem is None:
            problems.append("cannot be measured without the reference image of the record")
        else:
            sizes = [" x ".join(map(str, each.shape[1:])) for each in (picture, self.problem.image)]
            problems.append(f"has {sizes[0]} samples; the reference image has {sizes[1]}")
        return Check(file, problems=tuple(problems))

    def _wrong_level(self) -> list[str]:
        """Compare the levels with the values that were asked for: given ones, or those of the one start image."""
        key = self.received.record["key"]
        asked, precision = key["level"], torch.float64
        if asked["kind"] == "values":
            wanted, reason = asked["value"], "was asked for"
        elif asked["kind"] in ("noise", "start") and key["solver"]["options"].get("starts") == 1 and self.problem:
            wanted, reason, precision = self.start, "is that of the start image", self.problem.precise.image.dtype
        else:
            return []
        levels = {letter: self.entry["level"][letter] for letter in self.held if letter in wanted}
        return [
            f"level of {letter} is {level:g}; {float(wanted[letter]):g} {reason}"
            for letter, level in levels.items()
            if not math.isclose(float(wanted[letter]), level, rel_tol=SAME[precision])
        ]

    def _judge(
        self, found: Certificate, tolerance: float, stated: Mapping[str, float | None], stated_error: float | None
    ) -> list[str]:
        problems = []
        error, outside = found.held_error.item(), int(found.outside)
        if not error <= tolerance + 16 * torch.finfo(found.precision).eps:
            problems.append(f"held error is {error:.1e}; {tolerance:.1e} is allowed")
        elif error > 1.1 * (math.inf if stated_error is None else stated_error) + DRIFT[found.precision]:
            problems.append(f"held error is {error:.1e}; the record has {stated_error:.1e}")
        if outside:
            problems.append(f"{outside} pixels are outside the range")
        return problems + self._differences(self._values(found), stated, found.precision)

    def _differences(
        self, values: Mapping[str, float], stated: Mapping[str, float | None], precision: torch.dtype
    ) -> list[str]:
        """Say which values are not those of the record."""
        problems = []
        for letter, value in values.items():
            said = stated[letter]
            if said is None or not math.isclose(value, said, rel_tol=SAME[precision], abs_tol=1e-12):
                name = self.received.metrics[letter].name
                problems.append(
                    f"{name} is {value:.6g}; the record has {'no value' if said is None else f'{said:.6g}'}"
                )
        return problems

    def _values(self, found: Certificate) -> dict[str, float]:
        held = dict(zip(self.held, found.reference_value[0].tolist(), strict=True))
        return {self.name[0]: found.optimized_value.item(), **held}

    def _check(
        self, file: str, found: Certificate, tolerance: float, problems: list[str], optimality: float | None = None
    ) -> Check:
        values = self._values(found)
        optimized = values.pop(self.name[0])
        outside = int(found.outside)
        return Check(file, optimized, values, found.held_error.item(), tolerance, outside, optimality, tuple(problems))
