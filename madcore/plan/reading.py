"""A plan out of a TOML file: all that is wrong with it is said at once, with file and line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from madcore.errors import InputError, PlanError
from madcore.plan.levels import PlanLevel, check_level
from madcore.plan.lines import Path as Place
from madcore.plan.lines import find_lines
from madcore.plan.names import Names
from madcore.plan.plan import Pairs, Picture, Plan
from madcore.plan.section import Findings, Section
from madcore.plan.values import Written, number, one_of, text, truth, whole, window
from madcore.registry import Registry, default_registry

__all__ = ["parse_plan", "read_plan"]

KEYS = (
    *("metrics", "pictures", "size", "crop", "gray", "layout", "levels", "pairs", "seeds", "starts"),
    *("judges", "penalty", "observers", "solver", "output"),
)
SOLVER_KEYS = ("name", "max_iter", "tolerance", "dtype", "optimizer", "optimizer_options")
CUTS = {
    "size": window(offsets=False),
    "crop": window(offsets=True),
    "gray": truth,
    "layout": one_of("HW", "HWC", "CHW", "NHWC", "NCHW"),
}


def read_plan(path: str | os.PathLike[str], registry: Registry | None = None) -> Plan:
    """Read a plan.

    Parameters
    ----------
    path : str or path
        TOML file; `madcore init` writes an example.  Names of files in it are relative to its folder.
    registry : Registry, optional
        Where metrics are looked up; by default what is installed.

    Raises
    ------
    InputError
        If there is no such file.
    PlanError
        If anything in it is wrong: TOML, keys, types, names of metrics, options or pictures.
    """
    file = Path(path)
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"plan {file} cannot be read ({reason}); `madcore init` writes an example") from None
    return parse_plan(content, file, registry)


def parse_plan(content: str, file: Path, registry: Registry | None = None) -> Plan:
    """Read the text of a plan, as `read_plan` does; `file` is where it is said to be."""
    try:
        values = tomllib.loads(content, parse_float=Written)
    except tomllib.TOMLDecodeError as error:
        said = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error))
        last = content.count("\n") + 1
        raise PlanError([f"{file}:{said[2]}: {said[1]}" if said else f"{file}:{last}: {error}"]) from None
    findings = Findings(str(file), find_lines(content))
    plan = _Reader(Section(values, findings), Names(file.parent, registry or default_registry())).plan(content)
    if findings.problems:
        raise PlanError(findings.problems)
    return plan


class _Reader:
    """Reads the tables of one plan."""

    def __init__(self, root: Section, names: Names) -> None:
        self.root = root
        self.names = names

    def plan(self, content: str) -> Plan:
        root, names = self.root, self.names
        root.refuse_others(KEYS)
        plan = Plan(
            metrics=root.take_each("metrics", lambda value, _: names.competitor(value), ()),
            pictures=self._pictures(),
            seeds=root.take_each("seeds", lambda value, _: whole(0)(value), (0,)),
            starts=root.take("starts", whole(1), 1),
            judges=self._judges(),
            observers=root.take_each("observers", lambda value, _: names.observer(value), ()),
            folder=str(names.folder),
            text=content,
            **self._penalty(),
            **self._solver(),
            **self._output(),
        )
        # what is said of metrics by their names is compared with these only where they are right themselves
        sound = len(plan.metrics) == len(root.values.get("metrics", ()))
        plan = replace(plan, pairs=self._pairs(plan)) if sound else plan
        return replace(plan, levels=self._levels(plan, plan.pairings if sound else ()))

    def _pictures(self) -> tuple[Picture, ...]:
        for name in ("metrics", "pictures"):
            if not self.root.values.get(name):
                self.root.findings.add((name,), f"{name} are missing; write {name} = [...]")
        default = _cut(self.root, Picture(""))
        groups = self.root.take_each("pictures", lambda value, path: self._group(value, path, default), ())
        return tuple(dict.fromkeys(picture for group in groups for picture in group))

    def _group(self, value: Any, path: Place, default: Picture) -> tuple[Picture, ...]:
        """Return the pictures of one entry: a name, a file, a glob, or a table with one of these as ``path``."""
        cut = default
        if isinstance(value, dict):
            section = Section(value, self.root.findings, path)
            section.refuse_others(("path", *CUTS))
            cut, value = _cut(section, default), value.get("path", "")
        return tuple(_at(cut, source) for source in self.names.pictures(text(value)))

    def _judges(self) -> tuple[str, ...]:
        if self.root.values.get("judges") == "all":
            return ("all",)
        judges = self.root.take_each("judges", lambda value, _: self.names.metric(value), ("all",))
        return tuple(dict.fromkeys(judges))

    def _penalty(self) -> dict[str, Any]:
        none: tuple[str | None, float] = (None, Plan.penalty_weight)
        name, weight = self.root.take("penalty", self.names.penalty, none)
        return {"penalty": name, "penalty_weight": weight}

    def _solver(self) -> dict[str, Any]:
        solver = self.root.section("solver")
        solver.refuse_others(SOLVER_KEYS)
        taken = {
            "solver": solver.take("name", one_of("level_set", "penalty"), Plan.solver),
            "max_iter": solver.take("max_iter", whole(1), Plan.max_iter),
            "tolerance": solver.take("tolerance", number, Plan.tolerance),
            "dtype": solver.take("dtype", one_of("float32", "float64"), Plan.dtype),
            "optimizer": solver.take("optimizer", text, Plan.optimizer),
            "optimizer_options": _numbers(solver.section("optimizer_options").values),
        }
        if taken["solver"] == "level_set":
            for key in ("optimizer", "optimizer_options"):
                if key in solver.values:
                    said = f'{key} is for name = "penalty"; the level-set solver has no optimizer'
                    solver.findings.add((*solver.path, key), said)
        return taken

    def _output(self) -> dict[str, Any]:
        output = self.root.section("output")
        output.refuse_others(("keep", "bits"))
        keep = output.take_each("keep", lambda value, _: one_of("png", "exact")(value), Plan.keep)
        if not keep:
            output.findings.add(("output", "keep"), 'keep must name "png", "exact" or both')
        return {"keep": tuple(dict.fromkeys(keep)), "bits": output.take("bits", one_of(8, 16), Plan.bits)}

    def _pairs(self, plan: Plan) -> Pairs:
        pairs: Pairs = "all"
        if isinstance(self.root.values.get("pairs"), list):
            pairs = self.root.take_each("pairs", lambda value, _: _pair(plan, value), ())
        else:
            pairs = self.root.take("pairs", lambda value: _newcomer(plan, value), pairs)
        if len(plan.metrics) == 1:
            self.root.findings.add(("metrics",), "metrics must name at least two, which compete")
        return pairs

    def _levels(self, plan: Plan, pairings: Iterable[tuple[str, str]]) -> Sequence[PlanLevel]:
        def convert(value: Any, _: Place) -> PlanLevel:
            level = check_level(value)
            for pair in pairings:
                plan.level(level, pair)
            return level

        return self.root.take_each("levels", convert, Plan.levels)


def _pair(plan: Plan, value: Any) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError('must be a list of two names, ["ssim", "mse"]')
    first, second = (plan.find(text(name)) for name in value)
    if first == second:
        raise InputError(f"{first} does not compete with itself; name two metrics")
    return first, second


def _newcomer(plan: Plan, value: Any) -> Pairs:
    if value == "all":
        return "all"
    if not isinstance(value, dict) or set(value) != {"newcomer"}:
        raise InputError('must be "all", a list of pairs, [["ssim", "mse"]], or { newcomer = "ssim" }')
    return {"newcomer": plan.find(text(value["newcomer"]))}


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain numbers for those that remember how they were written."""
    return {name: float(value) if isinstance(value, Written) else value for name, value in values.items()}


def _cut(section: Section, default: Picture) -> Picture:
    taken = {key: section.take(key, convert, getattr(default, key)) for key, convert in CUTS.items()}
    return Picture(default.source, **taken)


def _at(cut: Picture, source: str) -> Picture:
    return Picture(source, cut.size, cut.crop, cut.gray, cut.layout)
