"""What is compiled against the same in torch, and that nothing needs it."""

import os
import subprocess
import sys

import pytest
import torch

from madcore import compiled
from madcore.measures.averaging import Averaging
from madcore.measures.fastest import fastest_averaging, fastest_pyramid, fastest_structure
from madcore.measures.filtering import gaussian_window, uniform_window
from madcore.measures.fused_averaging import FusedAveraging
from madcore.measures.fused_pyramid import FusedPyramid
from madcore.measures.fused_structure import FusedStructure
from madcore.measures.nlpd import BANDS
from madcore.measures.tiled_pyramid import TiledPyramid
from madcore.measures.tiled_structure import TiledStructure

CONSTANTS = 1e-4, 9e-4


@pytest.mark.parametrize("taps", [gaussian_window(11, 1.5), uniform_window(8), uniform_window(1)], ids=len)
@pytest.mark.parametrize("size", [(3, 11, 40), (1, 64, 17), (2, 129, 131)])
@pytest.mark.parametrize("luminance", [True, False])
def test_agrees_with_torch_to_the_last_digits(taps, size, luminance):
    generator = torch.Generator().manual_seed(0)
    image, difference = torch.rand(2, *size, generator=generator, dtype=torch.float64).unbind()
    difference = 0.3 * (difference - 0.5)
    fused, plain = (kind(image, taps, *CONSTANTS, share=0.5) for kind in (FusedStructure, TiledStructure))
    values, slopes = fused.compare(difference, luminance=luminance)
    expected, expected_slopes = plain.compare(difference, luminance=luminance)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(slopes, expected_slopes, rtol=1e-10, atol=1e-15)
    alone, nothing = fused.compare(difference, luminance=luminance, gradient=False)
    assert torch.equal(alone, values)
    assert nothing.numel() == 0


@pytest.mark.parametrize("size", [(2, 33, 33), (1, 34, 47), (3, 64, 129), (1, 100, 67), (1, 38, 40)])
def test_pyramids_agree_with_torch_to_the_last_digits(size):
    generator = torch.Generator().manual_seed(0)
    maps, difference = torch.rand(2, *size, generator=generator, dtype=torch.float64).unbind()
    difference = 0.3 * (difference - 0.5)
    fused, plain = (kind(maps, BANDS, 0.5) for kind in (FusedPyramid, TiledPyramid))
    fused.compare(torch.full_like(difference, torch.nan))  # what is left of earlier work does not count
    values, slopes = fused.compare(difference)
    expected, expected_slopes = plain.compare(difference)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(slopes, expected_slopes, rtol=1e-10, atol=1e-15)
    alone, nothing = fused.compare(difference, gradient=False)
    assert torch.equal(alone, values)
    assert nothing.numel() == 0


@pytest.mark.parametrize("size", [(2, 12, 16), (1, 12, 11), (3, 7, 10), (2, 9, 9), (1, 1, 1)])
def test_averages_agree_with_torch_to_the_last_digits(size):
    generator = torch.Generator().manual_seed(0)
    fine = torch.rand(size, generator=generator, dtype=torch.float64)
    factors = torch.rand(size[0], generator=generator, dtype=torch.float64)
    coarse = Averaging().halve(fine)
    torch.testing.assert_close(FusedAveraging().halve(fine), coarse, rtol=1e-14, atol=0)
    ours, theirs = fine.clone(), fine.clone()
    FusedAveraging().pull_back(coarse, ours, factors)
    Averaging().pull_back(coarse, theirs, factors)
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=0)


@pytest.mark.skipif(not compiled.at_hand(torch.zeros(1)), reason="numba is not installed or switched off")
def test_is_taken_where_it_works():
    image = torch.rand(1, 16, 16)
    taps = uniform_window(8)
    assert isinstance(fastest_structure(image, taps, *CONSTANTS), FusedStructure)
    assert isinstance(fastest_structure(image, taps, *CONSTANTS, weighted=True), TiledStructure)
    assert isinstance(fastest_averaging(image), FusedAveraging)
    assert isinstance(fastest_pyramid(torch.rand(1, 33, 33), BANDS), FusedPyramid)


def test_others_may_compile_what_has_no_module():
    numba = pytest.importorskip("numba")
    assert compiled.at_hand(torch.zeros(1)) or compiled.SWITCH in os.environ
    made = {}
    exec("def increase(number):\n    return number + 1", made)
    assert made["increase"].__module__ is None
    assert numba.njit(made["increase"])(1) == 2


def test_can_be_switched_off(monkeypatch):
    program = (
        "import sys, torch, madcore; x = torch.rand(1, 1, 32, 32); metric = madcore.create_metric('ssim');"
        "print(float(metric(x, x * 0.9)) > 0, 'numba' in sys.modules)"
    )
    for value, used in (("1", "False"), ("", "True")):
        monkeypatch.setenv(compiled.SWITCH, value)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["True", used]
