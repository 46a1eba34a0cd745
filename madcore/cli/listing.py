"""Commands that list what there is: one for each kind of thing, ``plugins``, ``show``.  None imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

import click

from madcore.adhoc import is_code
from madcore.cli.records import entry_record, plugin_record
from madcore.cli.session import Session, talk
from madcore.cli.tables import write_json, write_table
from madcore.errors import InputError, PluginError
from madcore.options import complete_options, option_text, options_of, parse_name, plain
from madcore.registry import AnyEntry, Entry
from madcore.specs import ENGINE, KINDS, METRIC, OBSERVER, PENALTY, Kind, MetricSpec, Spec

__all__ = ["engines", "metrics", "observers", "penalties", "plugins", "show"]

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
    entries = _matching(session, METRIC, pattern)
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
    _list(session, PENALTY, pattern, as_json)


@click.command()
@click.argument("pattern", default="")
@as_json
@click.pass_obj
def engines(session: Session, pattern: str, as_json: bool) -> None:
    """List engines, the places where tournaments are played; PATTERN as for `madcore metrics`."""
    _list(session, ENGINE, pattern, as_json)


@click.command()
@click.argument("pattern", default="")
@as_json
@click.pass_obj
def observers(session: Session, pattern: str, as_json: bool) -> None:
    """List observers, which watch a tournament if they are named; PATTERN as for `madcore metrics`."""
    _list(session, OBSERVER, pattern, as_json)


@click.command()
@click.argument("name")
@as_json
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show everything about a metric, penalty, engine or observer: its options, limits and source.

    \b
    Examples:
      madcore show ssim
      madcore show ssim,window=uniform
      madcore show procs
    """  # noqa: D301
    name, given = parse_name(name)
    if is_code(name):
        raise InputError(f"{name} is code, which declares nothing; show takes a name that `madcore metrics` lists")
    entry = session.registry.find(name)
    values = complete_options(entry.spec.build, given, name, entry.passed)
    if as_json:
        write_json({**entry_record(entry), "values": plain(values)})
    else:
        _write_entry(entry, values)


@click.command()
@click.option("--requirements", is_flag=True, help="Write pip requirement lines that install the same plugins.")
@click.option("--build", is_flag=True, help="Also build everything with its defaults, which may take long.")
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
        rows = [
            (each["name"], "{distribution} {version}".format(**each), *_counts(each), _state(each)) for each in records
        ]
        write_table(rows, ("PLUGIN", "DISTRIBUTION", *(kind.plural.upper() for kind in KINDS), "STATE"))
    failed = any(each["status"] == "failed" for each in records)
    return PluginError.exit_code if failed and session.strict else None


def _list(session: Session, kind: Kind[Any], pattern: str, as_json: bool) -> None:
    entries = _matching(session, kind, pattern)
    if as_json:
        write_json([entry_record(entry) for entry in entries])
    elif entries:
        write_table([(entry.name, _summary(entry)) for entry in entries], ("NAME", "SUMMARY"))


def _matching(session: Session, kind: Kind[Spec], pattern: str) -> list[Entry[Spec]]:
    def matches(entry: Entry[Spec]) -> bool:
        if set(pattern) & set("*?["):
            return fnmatch(entry.name, pattern)
        return pattern.lower() in f"{entry.name} {entry.spec.summary}".lower()

    found = [entry for entry in session.registry.entries(kind) if matches(entry)]
    if not found:
        talk(f"no {kind.name} matches {pattern!r}" if pattern else f"there is no {kind.name}")
    session.report_failures()
    return found


def _channels(spec: MetricSpec) -> str:
    return " or ".join(map(str, spec.channels))


def _summary(entry: AnyEntry) -> str:
    return f"{entry.spec.summary}  {_needs(entry)}".strip() if entry.missing else entry.spec.summary


def _needs(entry: AnyEntry) -> str:
    return f"needs: pip install {' '.join(repr(line) for line in entry.missing)}"


def _write_entry(entry: AnyEntry, values: Mapping[str, object]) -> None:
    click.echo(f"{entry.name}: {entry.spec.summary}\n")
    write_table([fact for fact in _facts(entry) if fact[1]])
    options = options_of(entry.spec.build, entry.passed)
    if options:
        click.echo("\noptions")
        rows = [(option.name, option.allowed, option_text(values[option.name]) or "(empty)") for option in options]
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
        ("revision", str(getattr(spec, "revision", ""))),
        ("source", getattr(spec, "source", None) or ""),
        ("missing", _needs(entry) if entry.missing else ""),
    ]


def _counts(record: Mapping[str, Any]) -> list[int | str]:
    """Count what a plugin brings, where that is known."""
    counts = [len(record[kind.plural]) for kind in KINDS]
    return [*counts] if record["status"] == "ok" or any(counts) else ["-"] * len(counts)


def _state(record: Mapping[str, Any]) -> str:
    problems = [f"failed at {problem['stage']}: {problem['error']}" for problem in record["problems"]]
    return "; ".join([*(problems or [record["status"]]), *record["notes"]])


def _requirement(record: Mapping[str, Any]) -> str:
    """Write a pip requirement line, as a comment for a plugin that is not in use."""
    line = f"{record['distribution']}=={record['version']}"
    return line if record["status"] == "ok" else f"# {line}  # plugin {record['name']}: {_state(record)}"
