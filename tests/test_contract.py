"""The core's own metrics and penalties keep the contract that madcore asks of everybody's."""

from madcore import LevelSet, PenaltyMethod
from madcore.testing import MetricContract, PenaltyContract, SolverContract


class TestMse(MetricContract):
    name = "mse"

    def oracle(self, image, mad_image):
        return ((image - mad_image) ** 2).mean((1, 2, 3))


class TestMae(MetricContract):
    name = "mae"


class TestLp(MetricContract):
    name = "lp,p=4"


class TestSsim(MetricContract):
    name = "ssim"


class TestSsimOfThePaper(MetricContract):
    name = "ssim,window=uniform,size=8,weights=information"


class TestMsSsim(MetricContract):
    name = "ms_ssim"


class TestNlpd(MetricContract):
    name = "nlpd"


class TestRange(PenaltyContract):
    name = "range"


class TestTotalVariation(PenaltyContract):
    name = "total_variation"


class TestNone(PenaltyContract):
    name = "none"


class TestLevelSet(SolverContract):
    def make(self):
        return LevelSet()


class TestPenaltyMethod(SolverContract):
    def make(self):
        return PenaltyMethod()
