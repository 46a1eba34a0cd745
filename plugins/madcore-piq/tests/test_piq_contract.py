"""The contract of metrics; `madcore check piq` checks the slow ones too."""

from madcore.testing import MetricContract


class TestSsim(MetricContract):
    name = "piq.ssim"


class TestMsSsim(MetricContract):
    name = "piq.ms_ssim,scale_weights=0.3+0.7"


class TestVif(MetricContract):
    name = "piq.vif"


class TestFsim(MetricContract):
    name = "piq.fsim"


class TestGmsd(MetricContract):
    name = "piq.gmsd"


class TestMsGmsd(MetricContract):
    name = "piq.ms_gmsd"


class TestHaarpsi(MetricContract):
    name = "piq.haarpsi"


class TestMdsi(MetricContract):
    name = "piq.mdsi"


class TestDss(MetricContract):
    name = "piq.dss"
