"""Tiled filters and pyramid steps against dense matrices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from madcore.measures.filtering import TiledFilter, convolve, gaussian_window, uniform_window
from madcore.measures.pyramid import Resampling, doubling, halving

sizes = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(size, 70), st.integers(size, 70)))


def maps_of(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(1, 3))
def test_filter_equals_convolution(size, planes):
    taps = maps_of(size[0])
    maps = maps_of(2, planes, *size[1:])
    tiled = TiledFilter(taps, maps.shape, maps)
    tiled.pixels.copy_(maps)
    tiled.apply()
    height, width = tiled.valid
    expected = convolve(maps.flatten(0, 1), taps).view(2, planes, height, width)
    torch.testing.assert_close(tiled.padded[..., :height, :width], expected, rtol=1e-12, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(sizes)
def test_filter_and_adjoint_are_transposes(size):
    taps = maps_of(size[0])
    one = TiledFilter(taps, (1, 2, *size[1:]), taps, gain=3.0)
    height, width = one.valid
    maps, others = maps_of(1, 2, *size[1:]), maps_of(1, 2, height, width, seed=1)
    one.pixels.copy_(maps)
    one.apply()
    forward = (one.padded[..., :height, :width] * others).sum()
    one.padded.zero_()
    one.padded[..., :height, :width] = others
    one.adjoint()
    assert 3 * forward.item() == pytest.approx((one.pixels * maps).sum().item(), rel=1e-10, abs=1e-9)


def test_windows_sum_to_one():
    assert gaussian_window(11, 1.5).sum().item() == pytest.approx(1, abs=1e-15)
    assert uniform_window(8).tolist() == [0.125] * 8


def test_narrow_window_has_no_denormal_weights():
    tiled = TiledFilter(gaussian_window(11, 0.35), (1, 1, 32, 32), torch.zeros(1))
    tiled.pixels[0, 0, 16, 16] = 1
    tiled.apply()
    weights = tiled.padded[tiled.padded != 0]
    assert weights.abs().min() > torch.finfo(torch.float32).tiny


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 300), st.integers(3, 300), st.sampled_from([halving, doubling]), st.booleans())
def test_resampling_equals_its_matrices(height, width, make, transposed):
    vertical, horizontal = (make(side).T.contiguous() if transposed else make(side) for side in (height, width))
    source = maps_of(2, vertical.shape[1], horizontal.shape[1])
    target = torch.empty(2, len(vertical), len(horizontal), dtype=torch.float64)
    between = torch.empty(2, (height + 1) // 2, width, dtype=torch.float64)
    Resampling(vertical, horizontal, source, target, between)()
    torch.testing.assert_close(target, vertical @ source @ horizontal.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("side", [3, 4, 33, 64])
def test_halving_and_doubling_keep_a_flat_line(side):
    flat = torch.full((side,), 0.7, dtype=torch.float64)
    torch.testing.assert_close(doubling(side) @ (halving(side) @ flat), flat)
