"""What a plugin declares: frozen records that name a thing, tell how to build it and what it can take.

Declaring imports nothing heavy: ``build`` is called when the thing is first used, and imports what it needs then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Generic, TypeVar

from madcore.errors import InputError

__all__ = [
    "ENGINE",
    "KINDS",
    "METRIC",
    "OBSERVER",
    "PENALTY",
    "AnySpec",
    "EngineSpec",
    "Kind",
    "MetricSpec",
    "ObserverSpec",
    "PenaltySpec",
    "Spec",
]

NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class MetricSpec:
    """A metric that a plugin brings.

    Parameters
    ----------
    name : str
        Name within the plugin: lower case letters, digits and underscores.  Users write ``plugin.name``.
    build : callable
        Returns the metric, a callable of two (N, C, H, W) images, the reference image first, with one value for each
        image, (N,).  Its keyword-only, typed parameters with defaults are the metric's options.  What it returns may
        have a method ``prepare(image)`` that returns a function of the second image alone.
    summary : str
        One line for listings.
    higher_is_better : bool
        True for a similarity, which madcore turns into the distance ``perfect - value``.
    perfect : float
        The value for two identical images.
    revision : int
        Raised by the author whenever the metric's numbers change: results are identified by it.
    channels : tuple of int
        Numbers of channels that are accepted.
    min_side : int
        Smallest height and width in pixels.  Where options change it, what `build` returns says so in an attribute
        ``min_side``; likewise ``channels`` and ``dtypes``.
    dtypes : tuple of str
        Floating-point types that are computed in full.
    data_range : bool
        True if `build` takes ``data_range``, the largest value of a pixel, which madcore then passes.  The smallest is
        0: madcore takes off what is below or above that.
    caveats : tuple of str
        Known blind spots and limits, a sentence each.
    weights : str, optional
        Where pretrained weights come from; None if there are none.
    licence : str, optional
        Licence of the implementation or of its weights, where it differs from the plugin's own.
    source : str, optional
        Reference of the metric, with DOI where there is one.
    requires : tuple of str
        Distributions (pip requirement lines) that must be installed for `build` to work.
    code : callable, optional
        Takes the options and returns what code of the user's own `build` will run for them, a tuple of str:
        ``./file.py:attribute``, ``package.module:attribute`` or the name of a file.  It is hashed into what identifies
        the metric, and ``madcore verify`` runs it only if that is allowed and it is unchanged.  Without `code`, options
        that are ``./file.py:attribute``, or have such among them, are taken for such.
    fetches : callable, optional
        Takes the options and returns what `build` will fetch for them from where an option says, a tuple of str, not
        the weights that the metric always has.  ``madcore verify`` fetches it only if that is allowed.  Without
        `fetches`, options that are addresses, ``https://...``, or have such among them, are taken for such.
    oracle : callable, optional
        Takes the options and returns another, plain computation of the distance, ``(image, mad_image) -> (N,)``, which
        ``madcore check`` compares: it alone tells whether an asymmetric metric takes the reference image first.

    Raises
    ------
    InputError
        If a field cannot be what it is given as.
    """

    name: str
    build: Callable[..., Any]
    summary: str = ""
    _: KW_ONLY
    higher_is_better: bool
    perfect: float
    revision: int = 1
    channels: tuple[int, ...] = (1, 3)
    min_side: int = 1
    dtypes: tuple[str, ...] = ("float32", "float64")
    data_range: bool = False
    caveats: tuple[str, ...] = ()
    weights: str | None = None
    licence: str | None = None
    source: str | None = None
    requires: tuple[str, ...] = ()
    code: Callable[..., tuple[str, ...]] | None = None
    fetches: Callable[..., tuple[str, ...]] | None = None
    oracle: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        """Find an author's slips where they are made."""
        _check_name_and_build("metric", self.name, self.build)
        for field in ("code", "fetches", "oracle"):
            if (value := getattr(self, field)) is not None and not callable(value):
                raise InputError(f"{field} of metric {self.name} must be a function of its options; got {value!r}")
        if not isinstance(self.perfect, int | float) or not math.isfinite(self.perfect):
            raise InputError(f"perfect of metric {self.name} must be a finite number; got {self.perfect!r}")
        for field in ("channels", "dtypes", "caveats", "requires"):
            if not isinstance(value := getattr(self, field), tuple):
                raise InputError(f"{field} of metric {self.name} must be a tuple; got {value!r}")


@dataclass(frozen=True)
class PenaltySpec:
    """A penalty that a plugin brings.

    Parameters
    ----------
    name : str
        Name within the plugin.
    build : callable
        Returns the penalty, a callable of one batch of images (N, C, H, W) with one value for each, (N,), that is to
        be small.  Options and ``prepare(image)`` as for a metric.
    summary : str
        One line for listings.
    revision : int
        Raised by the author whenever the penalty's numbers change.
    source : str, optional
        Reference of the penalty.

    Raises
    ------
    InputError
        If the name or `build` is none.
    """

    name: str
    build: Callable[..., Any]
    summary: str = ""
    _: KW_ONLY
    revision: int = 1
    source: str | None = None

    def __post_init__(self) -> None:
        """Find an author's slips where they are made."""
        _check_name_and_build("penalty", self.name, self.build)


@dataclass(frozen=True)
class EngineSpec:
    """A place where tournaments are played that a plugin brings.

    Parameters
    ----------
    name : str
        Name within the plugin.
    build : callable
        Returns the engine, a `madcore.engine.Engine`.  Its keyword-only, typed parameters with defaults are the
        engine's options; of these the launcher sets ``device`` (a tuple of str), ``workers`` (int or None) and
        ``threads`` (int or None) by its own options of that name.
    summary : str
        One line for listings.
    requires : tuple of str
        Distributions (pip requirement lines) that must be installed for `build` to work.

    Raises
    ------
    InputError
        If the name or `build` is none.
    """

    name: str
    build: Callable[..., Any]
    summary: str = ""
    _: KW_ONLY
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Find an author's slips where they are made."""
        _check_name_and_build("engine", self.name, self.build)


@dataclass(frozen=True)
class ObserverSpec:
    """Something that watches a tournament, active only where it is named.

    Parameters
    ----------
    name : str
        Name within the plugin.
    build : callable
        Returns the observer: any object with some of the methods ``match_started(event)``, ``match_finished(event)``,
        ``match_failed(event)``, ``progress(summary)`` and ``tournament_finished(summary)``; see `madcore.engine` for
        the events.  One that raises is dropped and the tournament goes on.  Options as for a metric.
    summary : str
        One line for listings.
    requires : tuple of str
        Distributions (pip requirement lines) that must be installed for `build` to work.

    Raises
    ------
    InputError
        If the name or `build` is none.
    """

    name: str
    build: Callable[..., Any]
    summary: str = ""
    _: KW_ONLY
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Find an author's slips where they are made."""
        _check_name_and_build("observer", self.name, self.build)


AnySpec = MetricSpec | PenaltySpec | EngineSpec | ObserverSpec
Spec = TypeVar("Spec", MetricSpec, PenaltySpec, EngineSpec, ObserverSpec)


@dataclass(frozen=True)
class Kind(Generic[Spec]):
    """What a plugin may bring: its name, that of many, and the record that declares one."""

    name: str
    plural: str
    spec: type[Spec]

    @property
    def hook(self) -> str:
        """The hook that returns a list of such records."""
        return f"madcore_{self.plural}"


METRIC = Kind("metric", "metrics", MetricSpec)
PENALTY = Kind("penalty", "penalties", PenaltySpec)
ENGINE = Kind("engine", "engines", EngineSpec)
OBSERVER = Kind("observer", "observers", ObserverSpec)
KINDS: tuple[Kind[Any], ...] = (METRIC, PENALTY, ENGINE, OBSERVER)


def _check_name_and_build(kind: str, name: object, build: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(f"the name of a {kind} must be lower case letters, digits and underscores; got {name!r}")
    if not callable(build):
        raise InputError(f"build of {kind} {name} must be a function that returns the {kind}; got {build!r}")
