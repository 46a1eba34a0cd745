"""The command ``check``: whether metrics and penalties keep their contract, and how fit a metric is for MAD."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from madcore.adhoc import find_code, is_code
from madcore.cli.session import Session, talk
from madcore.cli.tables import write_json, write_table
from madcore.errors import ContractError, InputError, MadcoreError, PluginError, UnknownNameError
from madcore.loading import Failure
from madcore.options import complete_options, parse_name, unknown_name
from madcore.registry import AnyEntry, Entry, Registry

if TYPE_CHECKING:
    from madcore.metric import Metric
    from madcore.testing import Finding, Verdict

__all__ = ["check"]

CORE = "madcore"
Target = tuple[str, str]  # name and kind


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME|PLUGIN|FILE.py:ATTRIBUTE...")
@click.option("--mad", is_flag=True, help="Report fitness for MAD competition instead; of metrics only.")
@click.option(
    "--oracle", metavar="NAME", help="Another computation of the one metric NAME, to compare its values with."
)
@click.option("--device", default="cpu", metavar="NAME", help="cpu, cuda or cuda:INDEX.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, not a table, to the standard output.")
@click.pass_obj
def check(session: Session, names: tuple[str, ...], mad: bool, oracle: str | None, device: str, as_json: bool) -> int:
    """Check that metrics and penalties keep their contract.

    NAME is a metric or penalty, with options if wanted; PLUGIN stands for all that it brings ('madcore' for the core);
    code that no plugin packages is ./file.py:attribute.  The table says of each clause what was measured.

    With --mad, say what decides whether a metric can be held or optimised: dead zone, largest level, blind spots, how
    far slopes can be trusted, what float32 resolves.

    Whether an asymmetric metric takes the reference image first, only an oracle tells: the one that its plugin
    declares, or another metric or code of yours that computes the same distance, (image, mad_image), in another way.

    Exit code 3 if a clause is broken, or something cannot be built.

    \b
    Examples:
      madcore check ssim
      madcore check ./mine.py:metric --mad
      madcore check ./mine.py:metric --oracle ./mine.py:slow_but_sure
      madcore check piq --json
    """  # noqa: D301
    _check_device(device)
    targets = [target for name in names for target in _targets(session.registry, name)]
    if mad:
        return _report_fitness(targets, session.registry, device, as_json)
    settings: dict[str, Any] = {"registry": session.registry, "device": device}
    if oracle is not None:
        settings["oracle"] = _oracle(oracle, targets, session.registry)
    verdicts = [_examine(*target, settings) for target in targets]
    if as_json:
        write_json([{**asdict(verdict), "broken": verdict.broken} for group in verdicts for verdict in group])
    else:
        _write_verdicts(verdicts)
    return ContractError.exit_code if any(verdict.broken for group in verdicts for verdict in group) else 0


def _targets(registry: Registry, name: str) -> Iterator[Target]:
    """Yield names and kinds of what a name stands for; whatever is wrong with the name is found here."""
    bare, given = parse_name(name)
    if is_code(bare):
        find_code(bare)
        yield name, "metric"
    elif name == CORE or name in registry.names:
        yield from _brought_by(registry, "" if name == CORE else name)
    else:
        kind, entry = _declared(registry, name, bare)
        complete_options(entry.spec.build, given, bare, entry.passed)
        yield name, kind


def _brought_by(registry: Registry, plugin: str) -> Iterator[Target]:
    found = registry.plugin(plugin)
    if isinstance(found, Failure):
        raise PluginError(str(found)) from found.error
    yield from ((Entry(found, spec).name, "metric") for spec in found.metrics)
    yield from ((Entry(found, spec).name, "penalty") for spec in found.penalties)


def _declared(registry: Registry, name: str, bare: str) -> tuple[str, AnyEntry]:
    try:
        return "metric", registry.metric(bare)
    except UnknownNameError as unknown:
        try:
            return "penalty", registry.penalty(bare)
        except UnknownNameError:
            if "." in bare:
                raise unknown from None
    entries: list[AnyEntry] = [*registry.metrics(), *registry.penalties()]
    known = [CORE, *registry.names, *(entry.name for entry in entries)]
    raise unknown_name("metric, penalty or plugin", name, known, "`madcore metrics` lists metrics")


def _oracle(oracle: str, targets: Sequence[Target], registry: Registry) -> Metric:
    from madcore.lookup import create_metric

    if [kind for _, kind in targets] != ["metric"]:
        raise InputError("--oracle goes with one metric")
    return create_metric(oracle, registry=registry)


def _examine(name: str, kind: str, settings: Mapping[str, Any]) -> list[Verdict]:
    from madcore.testing import examine_metric, examine_penalty

    examine = examine_metric if kind == "metric" else examine_penalty
    return examine(name, **settings)


def _write_verdicts(groups: Sequence[Sequence[Verdict]]) -> None:
    for group in groups:
        counts = Counter(str(verdict.outcome) for verdict in group)
        said = ", ".join(
            f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if counts[outcome]
        )
        click.echo(f"{group[0].subject}: {said}")
        write_table(
            [(verdict.clause, verdict.outcome, verdict.measured) for verdict in group],
            ("CLAUSE", "RESULT", "MEASURED"),
            indent="  ",
        )
        click.echo()
    found = {group[0].subject: [each.clause for each in group if each.broken] for group in groups}
    broken = [f"{subject} ({', '.join(clauses)})" for subject, clauses in found.items() if clauses]
    # Of all that can be skipped, this alone leaves a doubt: the rest does not apply.
    doubtful = [each for group in groups for each in group if each.clause == "arguments" and each.outcome == "skipped"]
    unordered = [each.subject for each in doubtful]
    said = f"Broken: {', '.join(broken)}." if broken else "No clause is broken."
    doubt = f"  Whether the reference image comes first is not known of {', '.join(unordered)}." if unordered else ""
    click.echo(said + doubt)


def _report_fitness(targets: Sequence[Target], registry: Registry, device: str, as_json: bool) -> int:
    from madcore.testing import examine_fitness

    metrics = [name for name, kind in targets if kind == "metric"]
    if not metrics:
        raise InputError("--mad examines metrics; what was named is a penalty")
    found: list[Finding] = []
    code = 0
    for name in metrics:
        try:
            report = examine_fitness(name, registry=registry, device=device)
        except MadcoreError as error:  # which is no reason to say nothing of the others
            talk(f"error: {error}")
            code = max(code, error.exit_code)
            continue
        found += report
        if not as_json:
            click.echo(f"{name}: fitness for MAD\n")
            rows = [row for each in report for row in ((each.name, each.measured), ("", each.meaning))]
            write_table(rows, indent="  ")
            click.echo()
    if as_json:
        write_json([asdict(finding) for finding in found])
    return code


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used here ({reason}); use cpu") from None
