"""What received matches are worth: everything that madcore has written of them, measured again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from madcore.errors import InputError, MadcoreError
from madcore.export import measure
from madcore.registry import Registry
from madcore.store import RECORD, SingleMatch, Store, find_store
from madcore.verification.check import Check
from madcore.verification.rebuilding import Builder
from madcore.verification.received import Received, receive
from madcore.verification.received_image import ReceivedImage

__all__ = ["verify_match", "verify_store"]

SENSELESS = (LookupError, TypeError, AttributeError, ValueError, RuntimeError)  # a record may hold anything


def verify_match(path: Path, registry: Registry | None = None, *, allow_code: bool = False) -> list[Check]:
    """Measure what madcore has written, and compare it with its record.

    Parameters
    ----------
    path : Path
        The folder of a match, in a store or by itself, or one file in it.
    registry : Registry, optional
        Plugins to look in.
    allow_code : bool
        Whether files and modules that the record names may be run, and what it says where to find may be fetched.

    Raises
    ------
    InputError
        If there is no such file or no record, or what it names may not be run or fetched.
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
    images = [ReceivedImage(received, name, start) for name in received.record["images"]]
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
