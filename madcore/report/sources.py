"""Where metrics come from, as BibTeX: what a metric's declaration says and nothing that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["MetricFacts", "write_bibtex"]

# Authors (year), anything, doi: the form in which sources are declared; several are separated by semicolons.
SOURCE = re.compile(r"(?P<authors>[^();:]+?)\s*\((?P<year>\d{4})\)(?P<rest>[^;]*)")
DOI = re.compile(r"doi:\s*(10\.\S+?)[.,]?(?=\s|$)")
ARXIV = re.compile(r"arXiv:\s*(\d{4}\.\d{4,5}|[a-z.-]+/\d{7})", re.IGNORECASE)
METHOD_DOI = "10.1167/8.12.8"
METHOD = r"""@article{wang2008maximum,
  author = {Wang, Zhou and Simoncelli, Eero P.},
  title = {Maximum differentiation ({MAD}) competition: A methodology for comparing computational models of perceptual
    quantities},
  journal = {Journal of Vision},
  volume = {8},
  number = {12},
  pages = {8},
  year = {2008},
  doi = {10.1167/8.12.8}
}"""


@dataclass(frozen=True)
class MetricFacts:
    """What is declared of a metric.

    Parameters
    ----------
    name : str
        As written.
    summary, source, origin : str
        One line, reference, and the plugin with its version; empty where nothing is declared.
    caveats : tuple of str
        Known limits.
    """

    name: str
    summary: str = ""
    source: str = ""
    origin: str = ""
    caveats: tuple[str, ...] = ()


def write_bibtex(facts: Iterable[MetricFacts]) -> str:
    """Write an entry for the method, and one for each source that the metrics declare.

    A declared source gives authors, year and DOI or arXiv number; titles are left to whoever resolves these.
    """
    entries: dict[str, tuple[Mapping[str, str], list[str]]] = {}
    for each in facts:
        for found in SOURCE.finditer(each.source):
            doi = DOI.search(found["rest"])
            arxiv = ARXIV.search(found["rest"])
            fields = {"author": _authors(found["authors"]), "year": found["year"], "doi": doi[1] if doi else ""}
            fields |= {"eprint": arxiv[1], "archiveprefix": "arXiv"} if arxiv else {}
            if fields["doi"] != METHOD_DOI:
                entries.setdefault(_key(fields), (fields, []))[1].append(each.name)
    return "\n\n".join([METHOD, *(_entry(key, *entries[key]) for key in sorted(entries))]) + "\n"


def _authors(text: str) -> str:
    names = re.split(r"\s*(?:,|&| and )\s*", text.strip().replace(" et al.", ", others"))
    return " and ".join(filter(None, names))


def _key(fields: Mapping[str, str]) -> str:
    first = re.sub(r"[^a-z]", "", fields["author"].split(" and ")[0].lower())
    doi = re.sub(r"[^a-z0-9]", "", fields["doi"].lower())
    return f"{first}{fields['year']}{'_' + doi[-6:] if doi else ''}"


def _entry(key: str, fields: Mapping[str, str], metrics: Iterable[str]) -> str:
    lines = [f"  {name} = {{{_plain(value)}}}" for name, value in fields.items() if value]
    lines.append(f"  note = {{Source of {_plain(', '.join(dict.fromkeys(metrics)))}}}")
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _plain(text: str) -> str:
    return re.sub(r"([_%&#$])", r"\\\1", text.replace("\\", "/").replace("{", "(").replace("}", ")"))
