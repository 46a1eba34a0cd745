"""The contract of metrics; `madcore check piq` checks the slow ones too."""

import piq

from madcore.testing import MetricContract


class TestSsim(MetricContract):
    name = "piq.ssim"


class TestMsSsim(MetricContract):
    name = "piq.ms_ssim,scale_weights=0.3+0.7"


class TestVif(MetricContract):
    name = "piq.vif"

    def oracle(self, image, mad_image):
        return (1 - piq.vif_p(mad_image, image, reduction="none")).abs()


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

    def oracle(self, image, mad_image):
        return piq.mdsi(mad_image, image, o=1.0, reduction="none")


class TestDss(MetricContract):
    name = "piq.dss"
