"""The contract of metrics on untrained networks with calibrated weights, and MAD with them."""

import torch

import madcore
from madcore.testing import MetricContract


class TestSqueeze(MetricContract):
    name = "lpips.lpips,net=squeeze,weights=none"


class TestBaseline(MetricContract):
    name = "lpips.lpips,weights=none,linear=false"


def test_mad_both_ways():
    metric = madcore.create_metric("lpips.lpips,net=squeeze,weights=none")
    image = 0.2 + 0.6 * torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    for pair in ((metric, "mse"), ("mse", metric)):
        for minmax, sign in (("min", -1), ("max", 1)):
            result = madcore.synthesize(image, *pair, minmax, max_iter=20)
            assert result.held_error.item() <= result.tolerance, str(result)
            assert sign * (result.optimized_value - result.initial_value).item() > 0
