"""The pages' examples run, their links lead somewhere, and nothing public is without a docstring."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import madcore

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PLUGIN_PAGES = sorted((ROOT / "plugins").glob("*/*.md"))
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *DOCS]
CODE = re.compile(r"^( *)```(?:python|\{code-cell\} python)\n(.*?)^ *```", flags=re.DOTALL | re.MULTILINE)


def code_of(page):
    """Return a page's Python as one script: blocks that a list indents are moved to the margin, cell options left."""
    blocks = [
        re.sub(rf"^{indent}|^:tags:.*\n", "", code, flags=re.M) for indent, code in CODE.findall(page.read_text())
    ]
    return "\n".join(blocks)


def test_code_is_found_where_it_stands(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```{code-cell} python\nx = 1\n```\n\n1. b\n\n   ```python\n   y = 2\n   ```\n")
    assert code_of(page) == "x = 1\n\ny = 2\n"


@pytest.mark.parametrize("page", [page for page in DOCS if CODE.search(page.read_text())], ids=lambda page: page.stem)
def test_examples_run(page, tmp_path):
    environment = {**os.environ, "MPLBACKEND": "agg"}
    words = [sys.executable, "-c", code_of(page)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "infeasible" not in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


def test_paragraphs_are_wrapped():
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS, *PLUGIN_PAGES):
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        long = [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")]
        assert not long, page


def test_every_page_is_in_the_contents():
    contents = re.search(r"```\{toctree\}(.*?)```", (ROOT / "docs" / "index.md").read_text(), flags=re.DOTALL)[1]
    assert {page.stem for page in DOCS} - {"index"} == set(contents.split()) - {":maxdepth:", "1"}


@pytest.mark.parametrize("name", [name for name in madcore.__all__ if callable(getattr(madcore, name))])
def test_public_names_are_documented(name):
    assert inspect.getdoc(getattr(madcore, name))


def test_the_changelog_knows_the_version():
    assert re.search(rf"^## {re.escape(madcore.__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
