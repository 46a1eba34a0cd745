"""Requirements against versions, as packaging reads them."""

import pytest
from packaging.specifiers import SpecifierSet

from madcore.requirements import allows

CLAUSES = [
    "<0.2",
    "<=0.1",
    ">=0.1",
    ">0.1",
    "==0.1",
    "==0.1.0",
    "!=0.1",
    "==0.1.*",
    "!=0.1.*",
    "~=0.1",
    "~=0.1.2",
    ">=0.1,<0.2",
]


@pytest.mark.parametrize("clauses", CLAUSES)
@pytest.mark.parametrize("version", ["0.1", "0.1.0", "0.1.1", "0.1.3", "0.2", "0.10.1", "1.0", "0.0.9"])
def test_releases_are_compared_as_packaging_does(clauses, version):
    assert allows(f"madcore{clauses}", version) == SpecifierSet(clauses).contains(version, prereleases=True)


def test_what_is_not_said_or_not_read_is_allowed():
    assert allows("piq", "0.8.0")
    assert allows("piq @ file:///somewhere", "0.8.0")
    assert allows("madcore<0.1; extra == 'test'", "0.1.0", "madcore")
    assert not allows("madcore<0.1", "0.1.0", "madcore")
    assert allows("piq<0.1", "0.8.0", "madcore")
