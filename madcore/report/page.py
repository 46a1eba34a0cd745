"""The page itself: one file that opens from the disk, needs no network, and says what it lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from madcore.analysis import Study, examine_results
from madcore.errors import InputError
from madcore.report.album import Album
from madcore.report.matches import Library, list_matches
from madcore.report.sources import MetricFacts, write_bibtex
from madcore.report.summary import curve_remarks, curve_span, level_meaning, summarize
from madcore.report.views import alliances, disagreement_matrices, standing_rows, testimony_rows

__all__ = ["Page", "write_report"]

INSIDE = 18_000_000  # bytes of pictures in full; a third more in the page
MARK = '<meta name="generator" content="madcore report">'


@dataclass(frozen=True)
class Page:
    """What was written.

    Parameters
    ----------
    path : Path
        The page.
    matches : int
        How many it shows.
    size : int
        Its bytes.
    beside : Path, optional
        Folder of the pictures that are not inside; None if all are.
    """

    path: Path
    matches: int
    size: int
    beside: Path | None


def write_report(
    library: Library,
    path: Path,
    *,
    describe: Callable[[str], MetricFacts] = MetricFacts,
    title: str | None = None,
    audit: dict[str, Any] | None = None,
    inside: int = INSIDE,
) -> Page:
    """Write the report of a store, or of the folder of a single match.

    Parameters
    ----------
    library : Store or SingleMatch
        What `madcore.store.open_results` returns.
    path : Path
        Of the page.  A report that is there is replaced.
    describe : callable
        Returns what is declared of a metric.
    title : str, optional
        Heading; by default the name of the folder.
    audit : dict, optional
        A first view about one metric, as `madcore.audit` makes it.
    inside : int
        Bytes of pictures that go into the page in full; the others are written into a folder beside it.

    Raises
    ------
    InputError
        If Jinja2 is not installed, or the page cannot be written or would replace something else.
    """
    template = _template()
    _check_target(path)
    study = examine_results(library)
    album = Album(path, inside)
    entries = list_matches(library, study, album)
    facts = [describe(name) for name in _mentioned(study)]
    text = template.render(
        title=title or f"{Path(library.path).resolve().name}: a MAD report",
        written=datetime.now(UTC).isoformat(timespec="minutes").replace("+00:00", "Z"),
        mark=MARK,
        audit=audit,
        summary=summarize(library, study, entries),
        matrices=disagreement_matrices(study),
        comparable=bool(study.curves),
        level_meaning=level_meaning(study),
        curve_span=curve_span(study),
        marked=sorted(study.remarks),
        curve_remarks=curve_remarks(study),
        alliances=alliances(study),
        standings=standing_rows(study),
        metrics=facts,
        bibtex=write_bibtex(facts),
        curves=list(study.curves.values()),
        matches=len(entries),
        beside=album.folder.name if album.beside else "",
        data=_json(_data(study, entries)),
        pictures=album.inside,
    )
    _write(path, text)
    return Page(path, len(entries), len(text.encode()), album.folder if album.beside else None)


def _data(study: Study, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Collect what the page's own program lists, filters and draws."""
    rows = testimony_rows(study.testimonies)
    return {"matches": entries, "transfer": rows, "metrics": study.metrics, "levels": study.levels}


def _mentioned(study: Study) -> Sequence[str]:
    judges = {each.judge for each in study.testimonies}
    return sorted({*study.metrics, *judges})


def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise InputError('a report needs Jinja2, which is not installed: pip install "madcore[report]"') from None
    folder = files("madcore.report") / "assets"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = _breakable
    environment.filters["unbroken"] = _unbroken
    for name in ("style.css", "viewer.js", "report.js"):
        environment.globals[name.replace(".", "_")] = Markup((folder / name).read_text("utf-8"))
    return environment.from_string((folder / "report.html").read_text("utf-8"))


def _breakable(name: str) -> Any:
    """Let a long name break behind its dots, commas, slashes and underscores."""
    from markupsafe import Markup, escape

    text = str(escape(name))
    for character in ".,/_":
        text = text.replace(character, f"{character}<wbr>")
    return Markup(text)


def _unbroken(sentence: str) -> Any:
    """Keep numbers such as 7e-7, which browsers break behind the hyphen, on one line."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"[\d.]+e-\d+", r'<span class="number">\g<0></span>', str(escape(sentence))))


def _json(value: object) -> Any:
    """Write JSON that can stand in a script element: nothing in it can end the element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _check_target(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file, e.g. {path / 'report.html'}")
    if path.exists() and MARK not in path.read_text("utf-8", errors="replace")[:2000]:
        raise InputError(f"{path} is no report of madcore's and is not replaced; choose another name")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another place") from error
