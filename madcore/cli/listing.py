"""Commands that list what there is: ``metrics``, ``penalties``, ``plugins``, ``show``.  None imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any, TypeVar

import click

from madcore.adhoc import is_code
from madcore.cli.records import entry_record, plugin_record
from madcore.cli.session import Session, talk
from madcore.cli.tables import write_json, write_table
from madcore.errors import InputError, PluginError, UnknownNameError
from madcore.options import complete_options, option_text, options_of, parse_name, plain
from madcore.registry import AnyEntry, Entry, Registry
from madcore.specs import MetricSpec, PenaltySpec

__all__ = ["metrics", "penalties", "plugins", "show"]

Found = TypeVar("Found", Entry[MetricSpec], Entry[PenaltySpec])
as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


@click.command()
@click.argument("pattern", default="")
@as_json
@click.pass_obj
def metrics(session: Session, pattern: str, as_json: bool) -> None:
    """List metrics whose name or summary contains PATTERN, or whose name matches it if it has a * or ?.

    \b
    Examples:
      madcore metrics
      madcore metrics 'piq.*'
      madcore metrics structural --json
    """  # noqa: D301
    entries = _matching(session.registry.metrics(), pattern, "metric")
    session.report_failures()
    if as_json:
        write_json([entry_record(entry) for entry in entries])
    elif entries:
        rows = [(entry.name, _channels(entry.spec), entry.spec.min_side, _summary(entry)) for entry in entries]
        write_table(rows, ("NAME", "CHANNELS", "MIN SIDE", "SUMMARY"))


@click.command()
@click.argument("pattern", default="")
@as_json
@click.pass_obj
def penalties(session: Session, pattern: str, as_json: bool) -> None:
    """List penalties; PATTERN as for `madcore metrics`."""
    entries = _matching(session.registry.penalties(), pattern, "penalty")
    session.report_failures()
    if as_json:
        write_json([entry_record(entry) for entry in entries])
    elif entries:
        write_table([(entry.name, _summary(entry)) for entry in entries], ("NAME", "SUMMARY"))


@click.command()
@click.argument("name")
@as_json
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show everything about one metric or penalty: its options, limits and source.

    \b
    Examples:
      madcore show ssim
      madcore show ssim,window=uniform
    """  # noqa: D301
    name, given = parse_name(name)
    if is_code(name):
        raise InputError(f"{name} is code, which declares nothing; show takes a name that `madcore metrics` lists")
    entry = _find(session.registry, name)
    values = complete_options(entry.spec.build, given, name, entry.passed)
    if as_json:
        write_json({**entry_record(entry), "values": plain(values)})
    else:
        _write_entry(entry, values)


@click.command()
@click.option("--requirements", is_flag=True, help="Write pip requirement lines that install the same plugins.")
@click.option("--build", is_flag=True, help="Also build each metric with its defaults, which may take long.")
@as_json
@click.pass_obj
def plugins(session: Session, requirements: bool, build: bool, as_json: bool) -> int | None:
    """List plugins, what they bring, and what is wrong with those that fail.

    \b
    Examples:
      madcore plugins
      madcore plugins --build --strict
      madcore plugins --requirements > requirements.txt
    """  # noqa: D301
    session.reported = True  # the list itself is the report
    registry = session.registry
    registry.failures()  # loads all, before building anything can hide who imports torch
    records = [plugin_record(registry, name, build) for name in ("", *registry.installed)]
    if requirements:
        click.echo("\n".join(map(_requirement, records)))
    elif as_json:
        write_json(records)
    else:
        rows = [(*map(each.get, ("name", "distribution", "version")), *_counts(each), _state(each)) for each in records]
        write_table(rows, ("PLUGIN", "DISTRIBUTION", "VERSION", "METRICS", "PENALTIES", "STATE"))
    failed = any(each["status"] == "failed" for each in records)
    return PluginError.exit_code if failed and session.strict else None


def _matching(entries: Sequence[Found], pattern: str, kind: str) -> list[Found]:
    def matches(entry: Found) -> bool:
        if set(pattern) & set("*?["):
            return fnmatch(entry.name, pattern)
        return pattern.lower() in f"{entry.name} {entry.spec.summary}".lower()

    found = [entry for entry in entries if matches(entry)]
    if not found:
        talk(f"no {kind} matches {pattern!r}")
    return found


def _channels(spec: MetricSpec) -> str:
    return " or ".join(map(str, spec.channels))


def _summary(entry: AnyEntry) -> str:
    return f"{entry.spec.summary}  {_needs(entry)}".strip() if entry.missing else entry.spec.summary


def _needs(entry: AnyEntry) -> str:
    return f"needs: pip install {' '.join(repr(line) for line in entry.missing)}"


def _find(registry: Registry, name: str) -> AnyEntry:
    """Return the metric of that name or else the penalty."""
    try:
        return registry.metric(name)
    except UnknownNameError as unknown:
        try:
            return registry.penalty(name)
        except UnknownNameError:
            raise unknown from None


def _write_entry(entry: AnyEntry, values: Mapping[str, object]) -> None:
    click.echo(f"{entry.name}: {entry.spec.summary}\n")
    write_table([fact for fact in _facts(entry) if fact[1]])
    options = options_of(entry.spec.build, entry.passed)
    if options:
        click.echo("\noptions")
        rows = [(option.name, option.allowed, option_text(values[option.name])) for option in options]
        write_table(rows, ("NAME", "ALLOWED", "VALUE"), indent="  ")
    caveats = getattr(entry.spec, "caveats", ())
    if caveats:
        click.echo("\ncaveats")
        write_table([(caveat,) for caveat in caveats], indent="  ")


def _facts(entry: AnyEntry) -> list[tuple[str, str]]:
    """Collect what is worth saying; empty where there is nothing to say."""
    spec = entry.spec
    facts = [("plugin", f"{entry.plugin.label} ({entry.plugin.distribution} {entry.plugin.version})")]
    if isinstance(spec, MetricSpec):
        facts += [
            (
                "images",
                f"{_channels(spec)} channels, {spec.min_side} or more pixels a side, {' or '.join(spec.dtypes)}",
            ),
            ("distance", f"{spec.perfect:g} - value" if spec.higher_is_better else "the value"),
            ("weights", spec.weights or ""),
            ("licence", spec.licence or ""),
        ]
    return [
        *facts,
        ("revision", str(spec.revision)),
        ("source", spec.source or ""),
        ("missing", _needs(entry) if entry.missing else ""),
    ]


def _counts(record: Mapping[str, Any]) -> tuple[int | str, int | str]:
    """Count what a plugin brings, where that is known."""
    if record["status"] == "ok" or record["metrics"] or record["penalties"]:
        return len(record["metrics"]), len(record["penalties"])
    return "-", "-"


def _state(record: Mapping[str, Any]) -> str:
    problems = [f"failed at {problem['stage']}: {problem['error']}" for problem in record["problems"]]
    return "; ".join([*(problems or [record["status"]]), *record["notes"]])


def _requirement(record: Mapping[str, Any]) -> str:
    """Write a pip requirement line, as a comment for a plugin that is not in use."""
    line = f"{record['distribution']}=={record['version']}"
    return line if record["status"] == "ok" else f"# {line}  # plugin {record['name']}: {_state(record)}"
