"""The command ``report``: a page, figures and tables about a tournament or a single match."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madcore.cli.session import Session, talk
from madcore.errors import InputError, MadcoreError
from madcore.options import parse_name

if TYPE_CHECKING:
    from madcore.report import MetricFacts
    from madcore.store import SingleMatch, Store

__all__ = ["facts_from", "report"]

LARGE = 25_000_000  # bytes


@click.command()
@click.argument("store", type=click.Path(path_type=Path), metavar="STORE|DIR")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="The page.  [report.html]")
@click.option(
    "--figures", type=click.Path(path_type=Path), metavar="DIR", help="Write figures (PDF, SVG) and tables (CSV) here."
)
@click.option(
    "--inside",
    type=click.FloatRange(0),
    default=18.0,
    show_default=True,
    metavar="MB",
    help="Full pictures that go into the page; the others are written beside it.",
)
@click.option("--title", help="Heading of the page.")
@click.pass_obj
def report(
    session: Session, store: Path, output: Path | None, figures: Path | None, inside: float, title: str | None
) -> None:
    """Write a page about a STORE, or about the folder of one match, that opens anywhere without network.

    With --figures and no -o, only figures and tables are written.

    \b
    Examples:
      madcore report results -o report.html
      madcore report mad
      madcore report results --figures paper
    """  # noqa: D301 - click reads the character
    from madcore.store import open_results

    results = open_results(store)
    if figures is not None:
        _write_figures(results, figures)
    if output is None and figures is not None:
        return
    from madcore.report import write_report

    page = write_report(
        results,
        output or Path("report.html"),
        describe=facts_from(session),
        title=title,
        inside=round(inside * 1e6),
    )
    click.echo(f"{page.path}: {page.matches:,} match{'' if page.matches == 1 else 'es'}, {page.size / 1e6:.1f} MB")
    if page.beside:
        click.echo(f"Its other pictures are in {page.beside}; keep that folder beside the page.")
    if page.size > LARGE:
        talk(f"{page.path} is large; --inside 5 makes a smaller one, with more pictures beside it")


def _write_figures(results: Store | SingleMatch, folder: Path) -> None:
    from madcore.analysis import examine_results
    from madcore.plot import save_figures
    from madcore.report import write_tables

    written = [*write_tables(examine_results(results), folder), *save_figures(results, folder)]
    click.echo(f"{folder}: {len(written)} files")


def facts_from(session: Session) -> Callable[[str], MetricFacts]:
    """Return a function that looks up what is declared of a metric; of one that is unknown here, nothing is."""
    from madcore.report import MetricFacts

    def describe(name: str) -> MetricFacts:
        try:
            entry = session.registry.metric(parse_name(name)[0])
        except (InputError, MadcoreError):
            return MetricFacts(name)
        plugin = entry.plugin
        origin = f"{plugin.distribution} {plugin.version}" if plugin.name else ""
        return MetricFacts(name, entry.spec.summary, entry.spec.source or "", origin, entry.spec.caveats)

    return describe
