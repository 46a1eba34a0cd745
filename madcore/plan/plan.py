"""A plan: which metrics compete on which pictures at which levels.  Names and numbers, nothing loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from madcore.adhoc import is_code
from madcore.errors import InputError
from madcore.options import parse_name
from madcore.plan.levels import PlanLevel, check_level, level_of_pair
from madcore.plan.values import number, one_of, text, whole
from madcore.request import Level, Request

if TYPE_CHECKING:
    from madcore.registry import Registry

__all__ = ["Pairs", "Picture", "Plan"]

Pairs = str | Sequence[tuple[str, str]] | Mapping[str, str]

ONE: Mapping[str, Callable[[Any], Any]] = {
    "starts": whole(1),
    "solver": one_of("level_set", "penalty"),
    "max_iter": whole(1),
    "tolerance": number,
    "dtype": one_of("float32", "float64"),
    "penalty_weight": number,
    "bits": one_of(8, 16),
}
EACH: Mapping[str, Callable[[Any], Any]] = {
    "metrics": text,
    "pictures": lambda value: value if isinstance(value, Picture) else text(value),
    "seeds": whole(0),
    "judges": text,
    "observers": text,
    "keep": one_of("png", "exact"),
}


@dataclass(frozen=True)
class Picture:
    """A reference image and how it is cut.

    Parameters
    ----------
    source : str
        A file, or the name of a built-in picture.
    size, crop, layout : str, optional
        As for the launcher's options of these names.
    gray : bool
        Whether colour is reduced to luma.
    """

    source: str
    size: str | None = None
    crop: str | None = None
    gray: bool = False
    layout: str | None = None


@dataclass(frozen=True)
class Plan:
    """Every match of a tournament, in few words.

    Parameters
    ----------
    metrics : sequence of str
        Names with options, ``ssim,window=uniform``.
    pictures : sequence of Picture or str
        Reference images.
    levels : sequence
        Each ``noise:S`` or ``equivalent_noise:S``, or a mapping with a value for each metric.
    pairs : str, mapping or sequence
        ``all``; ``{"newcomer": NAME}`` for one metric against all others; or a list of pairs.
    seeds : sequence of int
        A match for each.
    starts : int
        Start images that are tried for each MAD image; the best is kept.
    solver, max_iter, tolerance, dtype, optimizer, optimizer_options, penalty, penalty_weight
        As in `madcore.request.Request`.
    judges : sequence of str
        Metrics that score every image; ``("all",)`` becomes those of the plan.
    observers : sequence of str
        Who is told of the tournament: names with options.
    keep : sequence of str
        What is stored of the images: ``png``, ``exact`` (floats).
    bits : int
        Of the PNGs, 8 or 16 for each sample.
    folder : str
        Where metrics that are files (``./mine.py:metric``) are looked for; by default the current folder.
    text : str
        What the plan was read from, to the letter.

    Raises
    ------
    InputError
        If a value is not allowed.

    Examples
    --------
    >>> plan = Plan(metrics=["ssim", "mse", "mae"], pictures=["dead_leaves"])
    >>> [request.metrics for request in plan.requests()]
    [('mse', 'ssim'), ('mae', 'ssim'), ('mae', 'mse')]
    """

    metrics: Sequence[str]
    pictures: Sequence[Picture | str]
    levels: Sequence[PlanLevel] = ("noise:0.1",)
    pairs: Pairs = "all"
    seeds: Sequence[int] = (0,)
    starts: int = 1
    solver: str = "level_set"
    max_iter: int = 200
    tolerance: float = 1e-6
    dtype: str = "float32"
    optimizer: str | None = None
    optimizer_options: Mapping[str, object] = field(default_factory=dict)
    penalty: str | None = None
    penalty_weight: float = 0.1
    judges: Sequence[str] = ("all",)
    observers: Sequence[str] = ()
    keep: Sequence[str] = ("png", "exact")
    bits: int = 8
    folder: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        """Check and convert what needs nothing else to be known, and name the judges."""
        for name, check in ONE.items():
            object.__setattr__(self, name, _checked(name, check, getattr(self, name)))
        for name, check in EACH.items():
            values = getattr(self, name)
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise InputError(f"{name} must be a list; got {values!r}")
            object.__setattr__(self, name, tuple(_checked(f"each of {name}", check, value) for value in values))
        if tuple(self.judges) == ("all",):
            object.__setattr__(self, "judges", tuple(self.metrics))

    @property
    def pairings(self) -> tuple[tuple[str, str], ...]:
        """The pairs that compete, each in the order of names, so that a quartet has one identity.

        Raises
        ------
        InputError
            If `pairs` is not of its form or names a metric that is not in the plan.
        """
        if self.pairs == "all":
            found: list[tuple[str, str]] = list(combinations(self.metrics, 2))
        elif isinstance(self.pairs, Mapping):
            newcomer = self.find(self.pairs["newcomer"])
            found = [(newcomer, metric) for metric in self.metrics if metric != newcomer]
        elif isinstance(self.pairs, str):
            raise InputError(f'pairs {self.pairs!r} is not known; allowed are "all", a list of pairs or a newcomer')
        else:
            found = [(self.find(first), self.find(second)) for first, second in self.pairs]
        ordered = [(min(pair), max(pair)) for pair in found]
        return tuple(dict.fromkeys(ordered))

    def find(self, name: str) -> str:
        """Return the metric of the plan that has this name, its options left out where that is clear.

        Raises
        ------
        InputError
            If there is none, or several.
        """
        bare = [metric for metric in self.metrics if parse_name(metric)[0] == name]
        found = [metric for metric in self.metrics if metric == name] or bare
        if len(found) != 1:
            reason = f"may be {' or '.join(found)}" if found else f"is none of the plan's ({', '.join(self.metrics)})"
            raise InputError(f"metric {name!r} {reason}")
        return found[0]

    def requests(self, registry: Registry | None = None) -> tuple[Request, ...]:
        """Return one request for each quartet, those of one pair together.

        Parameters
        ----------
        registry : Registry, optional
            If given, the metrics are looked up in it first.

        Raises
        ------
        MadcoreError
            If the plan makes no sense, or a metric does not exist.
        """
        if registry is not None:
            for name in (parse_name(metric)[0] for metric in self.metrics):
                if not is_code(name):
                    registry.metric(name)
        shared = Request(
            metrics=(),
            picture="",
            starts=self.starts,
            penalty=self.penalty,
            penalty_weight=self.penalty_weight,
            solver=self.solver,
            optimizer=self.optimizer,
            optimizer_options=self.optimizer_options,
            max_iter=self.max_iter,
            tolerance=self.tolerance,
            bits=self.bits,
            dtype=self.dtype,
        )
        cut = [picture if isinstance(picture, Picture) else Picture(picture) for picture in self.pictures]
        return tuple(
            _request(shared, pair, picture, self.level(level, pair), seed)
            for pair, picture, level, seed in product(self.pairings, cut, self.levels, self.seeds)
        )

    def level(self, level: PlanLevel, pair: tuple[str, str]) -> Level:
        """Return a level of the plan as it is for a pair.

        Raises
        ------
        InputError
            If it is of no known form, or has no value for a metric.
        """
        checked = check_level(level)
        if isinstance(checked, str):
            return level_of_pair(checked, pair)
        return level_of_pair({self.find(name): str(value) for name, value in checked.items()}, pair)


def _checked(owner: str, check: Callable[[Any], Any], value: object) -> Any:
    try:
        return check(value)
    except InputError as error:
        raise InputError(f"{owner} {error}") from None


def _request(shared: Request, pair: tuple[str, str], picture: Picture, level: Level, seed: int) -> Request:
    return replace(
        shared,
        metrics=pair,
        picture=picture.source,
        size=picture.size,
        crop=picture.crop,
        gray=picture.gray,
        layout=picture.layout,
        level=level,
        seed=seed,
    )
