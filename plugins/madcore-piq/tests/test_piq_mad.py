"""Every metric optimized while MSE is held, and held while MSE is optimized, from noise."""

import pytest
import torch
from madcore_piq import METRICS
from madcore_piq.networks import Dists
from piq_networks import offline
from piq_pictures import picture

import madcore

VARIANTS = (
    "fsim,chromatic=true",
    "ms_gmsd,chromatic=true",
    "ms_ssim,scale_weights=0.5+0.5",
    "iw_ssim,scale_weights=0.5+0.5",
)
LARGE = ("ms_ssim", "iw_ssim", "dists", "pieapp")
# Whose steps are slow: vsi works at 256 x 256 pixels whatever the image.
STEPS = {"vsi": 3, "srsim": 6, "dss": 6, "iw_ssim,scale_weights=0.5+0.5": 6}
BARE = [name.removeprefix("piq.") for name in madcore.list_metrics() if name.startswith("piq.")]
NAMES = [name for name in (*BARE, *VARIANTS) if name not in LARGE]


def play(metric, steps):
    image = picture(max(32, metric.min_side), dtype=torch.float32)
    for pair in ((metric, "mse"), ("mse", metric)):
        for minmax, sign in (("min", -1), ("max", 1)):
            result = madcore.synthesize(image, *pair, minmax, max_iter=steps)
            assert result.held_error.item() <= result.tolerance, str(result)
            assert sign * (result.optimized_value - result.initial_value).item() > 0
            assert torch.isfinite(result.mad_image).all()
            assert str(result.status[0]) in ("converged", "settled", "stalled", "iteration limit")


@pytest.mark.parametrize("name", NAMES)
def test_both_ways(name):
    play(madcore.create_metric(f"piq.{name}"), STEPS.get(name, 20))


def test_mdsi_says_what_takes_it_farther():
    mdsi, rootless = madcore.create_metric("piq.mdsi"), madcore.create_metric("piq.mdsi,q=1")
    image = picture(32, dtype=torch.float32)
    stuck = madcore.synthesize(image, mdsi, "mse", "max", max_iter=40)
    energy = mdsi.prepare(image).value_and_gradient(stuck.mad_image)[1].square().flatten().sort(descending=True).values
    assert energy[: energy.numel() // 100].sum() > 0.5 * energy.sum()
    farther = madcore.synthesize(image, rootless, "mse", "max", max_iter=40)
    assert mdsi(image, farther.mad_image) > 1.3 * stuck.optimized_value
    (spec,) = (each for each in METRICS if each.name == "mdsi")
    assert any("with q=1 it goes on" in caveat for caveat in spec.caveats)


def test_both_ways_with_an_untrained_network():
    with offline():
        play(madcore.Metric(Dists(), "piq.dists", channels=(1, 3)), steps=4)
