"""Every ordered pair of the core's metrics, on a picture with saturated pixels: held, and moved the right way."""

import itertools

import pytest
from pictures import wave_picture

import madcore

METRICS = ("mse", "mae", "lp,p=4", "ssim", "ssim,window=uniform,size=8,weights=information", "nlpd")
PICTURE = (1.4 * wave_picture(40, 40, 1) - 0.2).clamp(0, 1).float()


@pytest.mark.parametrize("minmax", ["min", "max"])
@pytest.mark.parametrize(("optimized", "held"), list(itertools.permutations(METRICS, 2)))
def test_held_and_moved(optimized, held, minmax):
    result = madcore.synthesize(PICTURE, optimized, held, minmax, max_iter=30)
    assert result.held_error.item() <= 1e-6, str(result)
    moved = (result.optimized_value - result.initial_value).item()
    assert moved < 0 if minmax == "min" else moved > 0
    assert 0 <= result.mad_image.min() <= result.mad_image.max() <= 1
