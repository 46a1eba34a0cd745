"""The Makefile: what its targets select exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_markers_that_targets_select_are_declared_and_used(pytestconfig):
    selected = set(re.findall(r"-m pytest -m (\w+)", (ROOT / "Makefile").read_text()))
    declared = {line.split(":")[0] for line in pytestconfig.getini("markers")}
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert selected
    assert selected <= declared & set(re.findall(r"pytest\.mark\.(\w+)", tests))
