"""Metrics and penalties that a record names, built here.

No code runs but what is allowed and is that of the record, and nothing is fetched that is not a plugin's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madcore.adhoc import hash_code, is_code
from madcore.building import code_of, fetched_for, split_options
from madcore.errors import InputError
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.options import complete_options
from madcore.penalties import Penalty
from madcore.registry import Registry, default_registry
from madcore.specs import METRIC, PENALTY, Kind
from madcore.store import canonical
from madcore.weights import hash_file

__all__ = ["Builder"]


@dataclass
class Builder:
    """Builds the metrics and penalties that records name, each once.

    Parameters
    ----------
    registry : Registry, optional
        Plugins to look in.
    allow_code : bool
        Whether files and modules that a record names may be run, and what it says where to find may be fetched.
    """

    registry: Registry | None = None
    allow_code: bool = False
    _built: dict[str, Any] = field(default_factory=dict)

    def rebuild(self, record: dict[str, Any]) -> tuple[dict[str, Metric], Penalty | None]:
        """Build the metrics of a record, by letter, and its penalty if it has one.

        Raises
        ------
        InputError
            If the record names code that may not be run, is not here, or is not that of the record.
        MadcoreError
            If a metric or the penalty does not exist here.
        """
        # of the key, which the id is a hash of: a metric that is left out elsewhere is built all the same
        key, files = record["key"], record["made"].get("files", {})
        identities = {letter: identity for letter, identity in key.items() if len(letter) == 1}
        named = {letter: (_name(each["metric"], each, files.get(letter)), each) for letter, each in identities.items()}
        if penalty := key.get("penalty"):
            named["penalty"] = (_name(penalty["penalty"], penalty, files.get("penalty")), penalty)
        self._refuse_code(named)
        metrics = {letter: self._once(create_metric, *named[letter]) for letter in identities}
        return metrics, self._once(create_penalty, *named["penalty"]) if penalty else None

    def _refuse_code(self, named: dict[str, tuple[str, dict[str, Any]]]) -> None:
        """Make sure, before anything is built, that what is run or fetched is allowed, and code that of the record."""
        found: list[tuple[str, str, dict[str, Any]]] = []
        fetched: list[str] = []
        for key, (name, identity) in named.items():
            kind: Kind[Any] = PENALTY if key == "penalty" else METRIC
            code, places = self._strange(kind, name, identity["options"])
            found += [(each, name, identity) for each in code]
            fetched += places
        if not self.allow_code:
            _ask("code that would be run", [code for code, *_ in found])
            _ask("what would be fetched from where it says", fetched)
        for each, name, identity in found:
            _refuse_other_code(each, name, identity)

    def _strange(self, kind: Kind[Any], name: str, options: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return all code that building something would run, itself or of its plugin's options, and what it fetches."""
        bare, given = split_options(name, options)
        if is_code(bare):
            return (bare,), ()
        entry = (self.registry or default_registry()).entry(kind, bare)
        complete = complete_options(entry.spec.build, given, bare, entry.passed)
        return code_of(entry, complete), fetched_for(entry, complete)

    def _once(self, create: Any, name: str, identity: dict[str, Any]) -> Any:
        options = identity["options"]
        known = canonical([create.__name__, name, options])
        if known not in self._built:
            self._built[known] = create(name, registry=self.registry, **options)
        return self._built[known]


def _name(name: str, identity: dict[str, Any], file: Any) -> str:
    """Return the name that something of a key has here; that of code in a file begins with where it lies."""
    if file is None:
        return name
    place = Path(file)
    found = [each for each in (place, Path(place.name)) if each.is_file()]
    if not found:
        raise InputError(f"the code of {name} is no longer {place}; put a copy of {place.name} into the current folder")
    same = [each for each in found if hash_file(each) == identity.get("code")]
    return f"{[*same, *found][0]}:{name}"


def _ask(what: str, named: list[str]) -> None:
    if named:
        raise InputError(f"the record names {what} ({', '.join(named)}); read it, then allow it with --allow-code")


def _refuse_other_code(code: str, name: str, identity: dict[str, Any]) -> None:
    """Make sure that code is that of the record: the hash of what a plugin runs is among those of its weights."""
    stated = [identity["code"]] if "code" in identity else identity.get("weights", [])
    of = code if code == name else f"{code} of {name}"
    if not stated:
        raise InputError(f"the record has no SHA-256 of the code of {of}, which was not run; ask for the match again")
    if hash_code(code) not in stated:
        listed = " or ".join(str(each).removeprefix("sha256:") for each in stated)
        raise InputError(
            f"{of} is not the code of the record, and was not run; put the file with the SHA-256 {listed} in its place"
        )
