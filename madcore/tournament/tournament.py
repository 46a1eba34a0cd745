"""A tournament: every match of a plan that a store does not hold yet is played, on whatever engine."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from madcore.building import create_engine, create_observer, split_options
from madcore.engine import Engine, Event
from madcore.errors import InputError
from madcore.jobs import choose_device
from madcore.options import options_of
from madcore.plan import Plan, read_plan
from madcore.registry import Registry, default_registry
from madcore.store import Store, check_durability
from madcore.tournament.audience import Audience
from madcore.tournament.batching import make_batches
from madcore.tournament.driver import Driver
from madcore.tournament.matches import Completer, Match
from madcore.tournament.player import PlayerMaker
from madcore.tournament.scoring import Scorer
from madcore.tournament.summary import Summary
from madcore.tournament.timing import deadline

__all__ = ["Tournament", "find_devices"]

PIXELS = "pixels.json"
Judges = dict[str, Mapping[str, Any]]  # their identities by their names


class Tournament:
    """Every match of a plan.

    Parameters
    ----------
    plan : Plan
        Metrics, pictures, levels, pairs and seeds.
    registry : Registry, optional
        Plugins to look in; by default those that are installed.

    Examples
    --------
    >>> tournament = madcore.Tournament.from_toml("plan.toml")
    >>> len(tournament.matches())
    >>> tournament.play("results").failed
    """

    def __init__(self, plan: Plan, *, registry: Registry | None = None) -> None:
        self.plan = plan
        self.registry = registry or default_registry()
        self._by_id: dict[str, Match] = {}
        self._complete = False
        self._folder = os.path.abspath(plan.folder)
        self._completer = Completer(self.registry, None, self._folder)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], *, registry: Registry | None = None) -> Tournament:
        """Read a plan.

        Raises
        ------
        InputError
            If anything in it cannot be used; everything that is wrong is said at once.
        """
        return cls(read_plan(path, registry), registry=registry)

    def matches(self) -> tuple[Match, ...]:
        """Return all matches of the plan, each once, with their keys and ids.

        Raises
        ------
        MadcoreError
            If a picture cannot be read or a metric does not exist.
        """
        return self._matches(None)

    def _matches(self, cache: Path | None) -> tuple[Match, ...]:
        """Return all matches; `cache`, a file, may know the hashes of pictures."""
        if not self._complete:
            self._completer = Completer(self.registry, cache, self._folder)
            completed = [self._completer.complete(request) for request in self.plan.requests(self.registry)]
            self._by_id = {match.id: match for match in completed}
            self._complete = True
        return tuple(self._by_id.values())

    def play(
        self,
        store: Store | str | os.PathLike[str],
        *,
        engine: str | Engine = "local",
        device: str | Sequence[str] = "auto",
        workers: int | None = None,
        batch: int | None = None,
        threads: int | None = None,
        limit: float | None = None,
        max_hours: float | None = None,
        shard: tuple[int, int] | None = None,
        retry_failed: bool = False,
        observers: Sequence[str | object] = (),
        on_event: Callable[[Event | None, Summary], None] | None = None,
        stop: threading.Event | None = None,
        durability: Literal["full", "fast"] = "full",
    ) -> Summary:
        """Play what the store does not hold, and let the judges score what they have not.

        Parameters
        ----------
        store : Store or path
            Where finished matches go; made if it does not exist, once nothing is wrong with what is to be played.
        engine : str or Engine
            Who plays where: ``"local"`` in this process, ``"procs"`` in others, or one of a plugin.
        device : str or sequence of str
            ``auto`` (all GPUs, or the processor), ``cpu``, ``cuda:0``, ...
        workers : int, optional
            Processes, for engines that have them.
        batch : int, optional
            Matches that are played together, if they fit into memory; by default as many as are fast.
        threads : int, optional
            Processor threads of each worker.
        limit : float, optional
            Seconds that one match may take.
        max_hours : float, optional
            Stop after so long.
        shard : tuple of int, optional
            (i, n): only the i-th of n parts of the matches, for as many processes that share a store.
        retry_failed : bool
            Play matches again that failed in an earlier run.
        observers : sequence
            Observers, or names of some, besides those that the plan names.
        on_event : callable, optional
            Told of every event, and how the tournament stands; at the start, with None, what is to be played.
        stop : threading.Event, optional
            Set it to end the run in good order.
        durability : {"full", "fast"}
            ``fast`` leaves it to the system when results reach the disk.

        Returns
        -------
        Summary
            What was played.

        Raises
        ------
        InputError
            If another process plays into this store, or an argument cannot be used.
        MadcoreError
            As `matches` does.
        """
        _check_numbers(batch, limit=limit, max_hours=max_hours)
        check_durability(durability)
        watching = self._create_observers(observers)
        path, writer = store.path if isinstance(store, Store) else Path(store), _writer(shard)
        devices = find_devices(device)
        stop = stop or threading.Event()
        player = PlayerMaker(
            tuple(self.plan.judges),
            tuple(sorted(self.registry.blocked)),
            self._folder,
            tuple(self.plan.keep),
            str(path),
            durability,
        )
        machine = _make_engine(engine, self.registry, devices, workers, threads)
        Store.check(path, writer)
        with deadline(max_hours, stop) as time_is_up:
            # what is wrong with the plan comes to light here, before there is a store
            every, judges = self._matches(path / PIXELS), self._judges()
            matches = _shard(every, shard)
            store = store if isinstance(store, Store) else Store.create(path)
            with store.lock(writer):
                self._completer.save()
                if self.plan.text:
                    store.add_plan(self.plan.text, [match.id for match in every])
                pending, summary = _pending(store, matches, retry_failed)
                watch = Audience(on_event, watching)
                watch(None, summary)
                if pending:
                    curves = _missing_curves(store, judges, pending)
                    on_gpu = devices[0] != "cpu"
                    batches = make_batches(pending, size=batch, on_gpu=on_gpu, limit=limit, curves=curves)
                    machine.run(batches, player, Driver(store, self.find, summary, watch, durability), stop)
                if not stop.is_set():
                    self._score(store, judges, matches, devices[0], stop)
                summary.interrupted = stop.is_set() and summary.left > 0
                summary.time_is_up = summary.interrupted and time_is_up.is_set()
                watch.finish(summary)
        return summary

    def find(self, match: str) -> Match:
        """Return the match of this id."""
        return self._by_id[match]

    def _create_observers(self, observers: Sequence[str | object]) -> dict[str, object]:
        """Make the observers of the plan and others, by their names."""
        named = {each if isinstance(each, str) else type(each).__name__: each for each in observers}
        every = {**{name: name for name in self.plan.observers}, **named}
        return {name: create_observer(each, registry=self.registry) for name, each in every.items()}

    def _judges(self) -> Judges:
        """Return the identities of the judges by their names."""
        return {name: self._completer.metric(name) for name in self.plan.judges}

    def _score(
        self, store: Store, judges: Judges, matches: Iterable[Match], device: str, stop: threading.Event
    ) -> None:
        """Let judges that are new to the plan score the matches that were there before."""
        scorer = Scorer(store, judges, self.registry, device, self._folder)
        scorer.score((match.id for match in matches), stop)


def find_devices(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the devices that are meant: ``auto`` is all GPUs, or the processor where there is none.

    Raises
    ------
    InputError
        If one is not there.
    """
    names = [name for text in ([given] if isinstance(given, str) else given) for name in _expand(text)]
    if names == ["auto"]:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return tuple(f"cuda:{index}" for index in range(count)) or ("cpu",)
    for name in names:
        choose_device(name)
    return tuple(names)


def _expand(text: str) -> list[str]:
    """Read ``cuda:0,1`` as ``cuda:0`` and ``cuda:1``."""
    kind, colon, numbers = text.partition(":")
    return [f"{kind}:{number.strip()}" for number in numbers.split(",")] if colon else [kind]


def _check_numbers(batch: int | None, **times: float | None) -> None:
    for name, given in times.items():
        if given is not None and not 0 < given < math.inf:
            raise InputError(f"{name} must be a number above 0; got {given}")
    if batch is not None and batch < 1:
        raise InputError(f"batch must be 1 match or more; got {batch}")


def _make_engine(
    engine: str | Engine, registry: Registry, devices: tuple[str, ...], workers: int | None, threads: int | None
) -> Engine:
    """Make an engine, giving it those of the options that it has."""
    if not isinstance(engine, str):
        return create_engine(engine)
    name, given = split_options(engine, {})
    known = {option.name for option in options_of(registry.engine(name).spec.build)}
    many = "workers" in known
    offered = {"device": devices if many else devices[:1], "workers": workers, "threads": threads}
    if workers is not None and not many:
        raise InputError(f"engine {name} has no workers; leave out --workers, or take --engine procs")
    chosen = {key: value for key, value in offered.items() if value is not None and key in known and key not in given}
    return create_engine(engine, registry=registry, **chosen)


def _pending(store: Store, matches: Sequence[Match], retry_failed: bool) -> tuple[list[Match], Summary]:
    """Return the matches that are to be played, and how the tournament stands before."""
    known = store.ids()
    given_up = set() if retry_failed else {failure["id"] for failure in store.failures()}
    new = [match for match in matches if match.id not in known]
    pending = [match for match in new if match.id not in given_up]
    return pending, Summary(len(matches), before=len(matches) - len(new), given_up=len(new) - len(pending))


def _missing_curves(store: Store, judges: Judges, matches: Iterable[Match]) -> dict[str, list[str]]:
    """Return for each reference image the judges whose noise curve of it the store does not hold."""
    return {
        image: [name for name, identity in judges.items() if store.curve(identity, image) is None]
        for image in {match.image for match in matches}
    }


def _writer(shard: tuple[int, int] | None) -> str:
    return "driver" if shard is None else f"shard-{shard[0]}-of-{shard[1]}"


def _shard(matches: Sequence[Match], shard: tuple[int, int] | None) -> tuple[Match, ...]:
    if shard is None:
        return tuple(matches)
    index, count = shard
    if not 1 <= index <= count:
        raise InputError(f"shard {index}/{count} does not exist; the first is 1/{count}")
    return tuple(matches[index - 1 :: count])  # of every pair about as many
