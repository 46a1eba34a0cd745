"""Metrics and penalties that a record names, built here; no code runs but what is allowed and is that of the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madcore.adhoc import code_file, is_code, is_code_in_file
from madcore.errors import InputError
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.registry import Registry
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
        Whether files and modules that a record names may be run.
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
        self._refuse_code([code for name, each in named.values() for code in (name, *_code_in_options(each))])
        for name, identity in named.values():
            _refuse_other_code(name, identity)
        metrics = {letter: self._once(create_metric, *named[letter]) for letter in identities}
        return metrics, self._once(create_penalty, *named["penalty"]) if penalty else None

    def _refuse_code(self, names: list[str]) -> None:
        code = [name for name in names if is_code(name)]
        if code and not self.allow_code:
            raise InputError(
                f"the record names code that would be run ({', '.join(code)}); read it, then allow it with --allow-code"
            )

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


def _refuse_other_code(name: str, identity: dict[str, Any]) -> None:
    """Make sure, before any of it runs, that code is that of the record."""
    for code in _code_in_options(identity):
        if _hash_code(code) not in identity.get("weights", []):
            raise InputError(f"{code} of {name} is not the code of the record, and was not run; put that in its place")
    if not is_code(name):
        return
    stated = identity.get("code")
    if stated is None:
        raise InputError(f"the record has no SHA-256 of the code of {name}, which was not run; ask for the match again")
    if _hash_code(name) != stated:
        hint = f"put the file with the SHA-256 {str(stated).removeprefix('sha256:')} in its place"
        raise InputError(f"{name} is not the code of the record, and was not run; {hint}")


def _hash_code(name: str) -> str | None:
    file = code_file(name)
    return hash_file(file) if file and file.is_file() else None


def _code_in_options(identity: dict[str, Any]) -> list[str]:
    """Return files that an option has the plugin run: ``model=./mine.py:Network``, hashed as its weights are."""
    return [value for value in identity.get("options", {}).values() if is_code_in_file(value)]
