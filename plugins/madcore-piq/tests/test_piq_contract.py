"""The contract of metrics; `madcore check piq` checks the slow ones too."""

import pytest

from madcore.testing import MetricContract, check_arguments


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


@pytest.mark.parametrize(
    "name",
    [
        "piq.vif",
        "piq.vif,sigma_n_sq=0.4",
        "piq.mdsi,combination=mult",
        "piq.iw_ssim,scale_weights=0.5+0.3+0.2",
    ],
)
def test_the_order_of_images_of_asymmetric_metrics_is_judged(name):
    verdict = check_arguments(name)
    assert verdict.outcome == "passed", verdict
    assert "as the oracle" in verdict.measured
