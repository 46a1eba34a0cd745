from test_docs import ROOT, code_of

from madcore.testing import EngineContract

DOCUMENTED = {}
exec(code_of(ROOT / "docs" / "engines.md"), DOCUMENTED)


class TestLocal(EngineContract):
    name = "local"
    apart = False


class TestProcs(EngineContract):
    name = "procs,workers=2"


class TestOneProcess(EngineContract):
    name = "procs,workers=1"


class TestDocumented(DOCUMENTED["TestHere"]):
    """The engine that the guide writes, with the test that it writes."""


def test_the_observer_that_the_guide_writes(tmp_path):
    (spec,) = DOCUMENTED["madcore_observers"]()
    diary = spec.build(path=str(tmp_path / "diary"))
    diary.tournament_finished({"finished": 2, "failed": 1})
    assert (tmp_path / "diary").read_text() == "2 finished, 1 failed\n"
