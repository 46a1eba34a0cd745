"""One MAD image of a received match: each of its files measured again, and judged by its own tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from madcore.certificate import Certificate, certify
from madcore.errors import MadcoreError
from madcore.images import decode_image
from madcore.problem import MADProblem, signs
from madcore.quantization import TOLERANCES
from madcore.solvers.kinks import Kinks
from madcore.verification.check import Check
from madcore.verification.received import EXACT, Received

__all__ = ["ReceivedImage"]

SAME = {torch.float64: 1e-6, torch.float32: 1e-3}  # relative difference of values that count as those of the record
DRIFT = {torch.float64: 1e-9, torch.float32: 1e-5}  # of a held error, from machine to machine


@dataclass(frozen=True)
class ReceivedImage:
    """One MAD image of a match: its problem, and the two files that claim to solve it.

    Parameters
    ----------
    received : Received
        The match.
    name : str
        ``a_min``, ``b_max``, ...
    start : dict
        Values of the match's start image by letter; empty if it cannot be measured.
    """

    received: Received
    name: str
    start: dict[str, float]

    def checks(self) -> list[Check]:
        """Measure each file that is expected, exact values first, and return what was found."""
        kept = {EXACT: self._exact, f"{self.name}.png": self._png}
        return [check() for file, check in kept.items() if file in self.received.expected]

    def compare_start(self) -> None:
        """Note values of the start image that are not those of the record."""
        if self._problem is not None and self.start:
            stated = self.received.record["start"]["exact"]
            for problem in self._differences(self.start, stated, self._problem.precise.image.dtype):
                self.received.blame(f"{EXACT}:start", problem)

    @property
    def _entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.received.record["images"][self.name]
        return entry

    @property
    def _held(self) -> list[str]:
        return [letter for letter in self.received.metrics if letter != self.name[0]]

    @cached_property
    def _level(self) -> Tensor:
        return torch.tensor([[self._entry["level"][letter] for letter in self._held]], dtype=torch.float64)

    @cached_property
    def _problem(self) -> MADProblem | None:
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
            tuple(self.received.metrics[letter] for letter in self._held),
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
        problems += self._judge(found, tolerance, self._entry["exact"], self._entry["held_error"])
        stated = self._entry["optimality"]
        if found.optimality.item() > 1.1 * (math.inf if stated is None else stated) + 1e-4:
            problems.append(f"residual is {found.optimality.item():.1e}; the record has {stated:.1e}")
        return self._check(file, found, tolerance, problems, optimality=found.optimality.item())

    def _png(self) -> Check:
        file, stated = f"{self.name}.png", self._entry["png"]
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
        if self._problem is None:
            return torch.zeros(1)
        point, half = picture.flatten(1), 0.51 / (2**bits - 1)
        return ((point < self._problem.bounds.low - half) | (point > self._problem.bounds.high + half)).sum(1)

    def _measure(self, picture: Tensor) -> Certificate | None:
        if self._problem is None or picture.shape != self._problem.image.shape:
            return None
        problem = self._problem.precise
        return certify(problem, picture.to(problem.image.dtype).flatten(1), self._level, self._kinks)

    @cached_property
    def _kinks(self) -> Kinks | None:
        start = self.received.exact.get("start")
        level_set = self.received.record["key"]["solver"]["name"] == "level_set"
        if self._problem is None or start is None or start.shape != self._problem.image.shape or not level_set:
            return None
        return Kinks.find(self._problem, start.to(self._problem.image.dtype).flatten(1))

    def _unmeasured(self, file: str, problems: list[str], picture: Tensor) -> Check:
        if self._problem is None:
            problems.append("cannot be measured without the reference image of the record")
        else:
            sizes = [" x ".join(map(str, each.shape[1:])) for each in (picture, self._problem.image)]
            problems.append(f"has {sizes[0]} samples; the reference image has {sizes[1]}")
        return Check(file, problems=tuple(problems))

    def _wrong_level(self) -> list[str]:
        """Compare the levels with the values that were asked for: given ones, or those of the one start image."""
        key = self.received.record["key"]
        asked, precision = key["level"], torch.float64
        if asked["kind"] == "values":
            wanted, reason = asked["value"], "was asked for"
        elif asked["kind"] in ("noise", "start") and key["solver"]["options"].get("starts") == 1 and self._problem:
            wanted, reason, precision = self.start, "is that of the start image", self._problem.precise.image.dtype
        else:
            return []
        levels = {letter: self._entry["level"][letter] for letter in self._held if letter in wanted}
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
        held = dict(zip(self._held, found.reference_value[0].tolist(), strict=True))
        return {self.name[0]: found.optimized_value.item(), **held}

    def _check(
        self, file: str, found: Certificate, tolerance: float, problems: list[str], optimality: float | None = None
    ) -> Check:
        values = self._values(found)
        optimized = values.pop(self.name[0])
        outside = int(found.outside)
        return Check(file, optimized, values, found.held_error.item(), tolerance, outside, optimality, tuple(problems))
