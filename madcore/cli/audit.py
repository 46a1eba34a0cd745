"""The command ``audit``: a metric held and optimised against a panel, and a page about what that shows."""

from __future__ import annotations

from pathlib import Path

import click

from madcore.cli.interrupt import RememberingCommand, command_to_resume, preparing
from madcore.cli.report import facts_from
from madcore.cli.session import Session

__all__ = ["audit"]


@click.command(cls=RememberingCommand)
@click.argument("metric")
@click.argument("pictures", nargs=-1, required=True)
@click.option("--against", multiple=True, metavar="NAME", help="Metric of the panel.  Repeatable.  [the core's]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="For the results.")
@click.option("--level", "levels", multiple=True, default=("noise:0.1",), show_default=True, metavar="LEVEL")
@click.option("--size", metavar="SIZE", help="Resize first: shorter side, or HEIGHTxWIDTH.  [at most 256]")
@click.option("--max-iter", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="Steps.")
@click.option("--engine", default="local", metavar="NAME", show_default=True, help="Who plays: NAME,OPTION=VALUE.")
@click.option("--device", default="auto", metavar="NAME", show_default=True, help="auto, cpu, cuda or cuda:0,1.")
@click.pass_context
def audit(
    context: click.Context,
    metric: str,
    pictures: tuple[str, ...],
    against: tuple[str, ...],
    output: Path,
    levels: tuple[str, ...],
    size: str | None,
    max_iter: int,
    engine: str,
    device: str,
) -> int:
    """Find the blind spots and over-sensitivities of METRIC.

    METRIC, a name or ./file.py:attribute, competes on each picture with each metric of a panel: held, while they are
    optimised, and optimised, while they are held.  DIR receives the store of all matches and audit.html, a page with
    what was found, worst first.  The same command again goes on where it was.

    \b
    Examples:
      madcore audit ssim camera coffee astronaut -o audit
      madcore audit ./mine.py:distance photos/*.png --against ssim --against nlpd -o audit
    """  # noqa: D301 - click reads the character
    session = context.ensure_object(Session)
    with preparing():
        from madcore.analysis import examine_results
        from madcore.audit import describe_audit, plan_audit
        from madcore.cli.running import run_tournament
        from madcore.report import match_command, write_report
        from madcore.store import Store
        from madcore.tournament import Tournament

        plan, remarks = plan_audit(
            metric, pictures, against, size=size, levels=levels, max_iter=max_iter, registry=session.registry
        )
    options = dict.fromkeys(("workers", "batch", "threads", "limit", "max_hours", "shard", "log_json"))
    given = {**options, "engine": engine, "device": device, "retry_failed": True, "observers": ()}
    summary = run_tournament(Tournament(plan, registry=session.registry), output / "store", given, session)
    if summary.interrupted:
        resume = command_to_resume(context, sorted(session.blocked), resume=False)
        raise KeyboardInterrupt(f"interrupted; to go on: {resume}")
    store = Store(output / "store")
    view = describe_audit(
        examine_results(store), metric, remarks, lambda match: match_command(store, store.record(match))
    )
    title = f"Audit of {metric}"
    page = write_report(store, output / "audit.html", describe=facts_from(session), title=title, audit=view)
    click.echo(f"{view['lead']}\nLook at {page.path}")
    return 1 if summary.failed or summary.given_up else 0
