"""The command ``verify``: whether a received match is what its record says."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madcore.cli.session import Session
from madcore.cli.tables import write_json, write_table
from madcore.errors import InputError
from madcore.store import Store, is_store
from madcore.wording import write_error, write_value

if TYPE_CHECKING:
    from madcore.verification import Check

__all__ = ["verify"]

HEADER = ("FILE", "OPTIMIZED", "HELD ERROR", "ALLOWED", "OUTSIDE", "RESIDUAL", "VERDICT")


@click.command()
@click.argument("path", type=Path, metavar="DIR|FILE|STORE")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Of a store, only so many matches, drawn by lot.")
@click.option(
    "--allow-code",
    is_flag=True,
    help="Run code that the record names, if unchanged, and fetch from where it says; look at it first.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, not a table, to the standard output.")
@click.pass_obj
def verify(session: Session, path: Path, sample: int | None, allow_code: bool, as_json: bool) -> int:
    """Check what `madcore quartet`, `madcore synth` or `madcore tournament` has written.

    Every file is read back and measured again: value of the optimized metric, error of the held ones, pixels outside
    the range and, of the exact floats, the first-order residual (0 at a stationary point).  The metrics are rebuilt
    from the record.  A file holds if its held error is allowed (exact floats: the tolerance of the run; PNG: 1e-4, of
    16 bits 1e-5, or more where the record says that this could not be reached), no pixel is outside, and values, levels
    and errors are those of the record.

    Exit code 1 if anything does not hold.

    \b
    Examples:
      madcore verify mad
      madcore verify mad/a_min.png
      madcore verify STORE --sample 20
    """  # noqa: D301 - click reads the character
    from madcore.verification import verify_match

    if is_store(path):
        return _verify_store(Store(path), session, sample, allow_code, as_json)
    if sample is not None:
        raise InputError(f"--sample is for stores; {path} is none")
    checks = verify_match(path, session.registry, allow_code=allow_code)
    holds = all(check.holds for check in checks)
    if as_json:
        write_json({"path": str(path), "holds": holds, "files": [_record(check) for check in checks]})
    else:
        write_table([_row(check) for check in checks], HEADER)
        click.echo("\nAll holds." if holds else "\nDoes not hold:")
        for file, problem in ((check.file, problem) for check in checks for problem in check.problems):
            click.echo(f"  {file}: {problem}")
    return 0 if holds else 1


def _verify_store(store: Store, session: Session, sample: int | None, allow_code: bool, as_json: bool) -> int:
    from madcore.verification import verify_store

    ids = sorted(store.ids())
    chosen = ids if sample is None else sorted(random.sample(ids, min(sample, len(ids))))
    found: dict[str, list[Check]] = {}
    for match, checks in verify_store(store, chosen, session.registry, allow_code=allow_code):
        found[match] = checks
        if not as_json:
            for line in _match_lines(match, checks):
                click.echo(line)
    bad = [match for match, checks in found.items() if not all(check.holds for check in checks)]
    if as_json:
        listed = [{"id": match, "files": [_record(check) for check in checks]} for match, checks in found.items()]
        write_json({"path": str(store.path), "holds": not bad, "matches": listed})
    else:
        count = f"{len(ids)} match{'' if len(ids) == 1 else 'es'}"
        of = f"{len(found)} of {count}" if sample else count
        click.echo(f"\n{of}: " + (f"{len(bad)} do{'es' if len(bad) == 1 else ''} not hold." if bad else "all hold."))
    return 1 if bad else 0


def _match_lines(match: str, checks: Sequence[Check]) -> Iterator[str]:
    """Say of a match how large its held errors are, or what is wrong with it, a line for each file."""
    problems = [f"{check.file}: {'; '.join(check.problems)}" for check in checks if not check.holds]
    if problems:
        yield from (f"{match[:8]}  {problem}" for problem in problems)
        return
    errors: dict[str, float] = {}
    for check in checks:
        if check.held_error is not None:
            kind = "PNG" if check.file.endswith(".png") else "exact"
            errors[kind] = max(check.held_error, errors.get(kind, 0.0))
    largest = " and ".join(f"{write_error(error)} ({kind})" for kind, error in errors.items())
    yield f"{match[:8]}  holds; largest held error {largest}"


def _row(check: Check) -> tuple[str, ...]:
    verdict = "holds as well as could be reached" if check.short else "holds"
    verdict = verdict if check.holds else "does not hold"
    if check.held_error is None:
        return (check.file, "", "", "", "", "", verdict)
    residual = "" if check.optimality is None else write_value(check.optimality, 2)
    errors = (write_error(check.held_error), write_error(check.tolerance))
    return (check.file, write_value(check.optimized_value, 6), *errors, str(check.outside), residual, verdict)


def _record(check: Check) -> dict[str, Any]:
    return {**{name: _finite(value) for name, value in asdict(check).items()}, "holds": check.holds}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
