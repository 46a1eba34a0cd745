from madcore.testing import EngineContract


class TestLocal(EngineContract):
    name = "local"
    apart = False


class TestProcs(EngineContract):
    name = "procs,workers=2"


class TestOneProcess(EngineContract):
    name = "procs,workers=1"
