"""Truths of the penalties, their contract, and MAD with each."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from madcore_penalties.gamut import OutOfGamut
from madcore_penalties.histogram import HistogramDistance
from madcore_penalties.spectrum import SpectrumDistance, radial_average
from madcore_penalties.variation import TotalVariation

import madcore
from madcore.testing import PenaltyContract

torch.set_num_threads(1)
NAMES = [
    "penalties.total_variation",
    "penalties.total_variation,form=anisotropic",
    "penalties.spectrum",
    "penalties.gamut,margin=0.1",
    "penalties.histogram",
    "penalties.histogram,colour=luma",
]


class TestIsotropic(PenaltyContract):
    name = NAMES[0]


class TestAnisotropic(PenaltyContract):
    name = NAMES[1]


class TestSpectrum(PenaltyContract):
    name = NAMES[2]


class TestGamut(PenaltyContract):
    name = NAMES[3]


class TestHistogram(PenaltyContract):
    name = NAMES[4]


class TestLuma(PenaltyContract):
    name = NAMES[5]


@pytest.fixture
def pictures():
    return torch.rand(2, 2, 3, 16, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64).unbind()


def ramp(rows, columns):
    return rows * torch.arange(5.0)[:, None].expand(1, 1, 5, 5) + columns * torch.arange(5.0)


@pytest.mark.parametrize(("form", "wanted"), [("isotropic", 16 * 0.5 + 4 * 0.3 + 4 * 0.4), ("anisotropic", 20 * 0.7)])
def test_variation_of_a_ramp(form, wanted):
    # 4 x 4 pixels have both neighbours, 4 at each of two edges one; 5 x 4 differences along each axis.
    value = TotalVariation(form=form, epsilon=0.0)(ramp(0.3, 0.4))
    torch.testing.assert_close(value, torch.tensor([wanted / 25]))


@pytest.mark.parametrize("form", ["isotropic", "anisotropic"])
@pytest.mark.parametrize("epsilon", [0.0, 0.001])
def test_variation_of_a_flat_picture_is_zero_with_a_finite_gradient(form, epsilon):
    picture = torch.full((1, 3, 6, 7), 0.5, requires_grad=True)
    value = TotalVariation(form=form, epsilon=epsilon)(picture)
    value.backward()
    assert value.item() == 0
    assert not picture.grad.any()


@pytest.mark.parametrize("form", ["isotropic", "anisotropic"])
def test_rounding_changes_a_length_by_less_than_epsilon(form, pictures):
    sharp, smooth = (TotalVariation(form=form, epsilon=epsilon)(pictures[0]) for epsilon in (0.0, 0.01))
    assert (sharp > smooth).all()
    assert (sharp - smooth < 0.02).all()


def test_anisotropic_is_the_cores(pictures):
    ours = madcore.create_penalty("penalties.total_variation,form=anisotropic,epsilon=0")
    torch.testing.assert_close(ours(pictures[0]), madcore.create_penalty("total_variation")(pictures[0]))


@given(st.integers(2, 13), st.integers(1, 13), st.integers(1, 20))
def test_rings_average(height, width, bands):
    rings = radial_average(height, width, bands)
    torch.testing.assert_close(rings.sum(0), torch.ones(rings.shape[1], dtype=torch.float64))
    assert (rings > 0).sum(1).tolist() == [0] + [1] * (len(rings) - 1)  # every frequency but the mean is in one


def test_one_ring_is_the_mean_power():
    picture = torch.rand(1, 1, 9, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spectrum = torch.fft.rfft2(picture, norm="ortho").abs().square().flatten(2)
    # Parseval: the sum over all frequencies is that of the squares.
    wanted = (picture - picture.mean()).square().sum().item() / (9 * 8 - 1)
    torch.testing.assert_close((spectrum @ radial_average(9, 8, 1)).item(), wanted)


@pytest.mark.parametrize("window", [True, False])
def test_half_the_contrast_has_a_quarter_of_the_power(window, pictures):
    half = pictures[0].mean((-2, -1), keepdim=True) + 0.5 * (pictures[0] - pictures[0].mean((-2, -1), keepdim=True))
    value = SpectrumDistance(floor=1e-15, window=window).prepare(pictures[0])(half)
    wanted = torch.tensor(4.0, dtype=torch.float64).log().square()
    torch.testing.assert_close(value, wanted.expand(2), rtol=0.15 if window else 1e-6, atol=0)


def test_spectrum_does_not_see_a_shift_or_the_mean(pictures):
    moved = pictures[0].roll((3, 4), (-2, -1)) + 0.1
    assert SpectrumDistance(window=False).prepare(pictures[0])(moved).max() < 1e-20


def test_spectrum_of_flat_pictures_has_a_finite_gradient():
    flat = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    value = SpectrumDistance().prepare(torch.full((1, 3, 16, 16), 0.2))(flat)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert flat.grad.isfinite().all()


def test_gamut_is_the_mean_square_beyond_the_margin():
    picture = torch.tensor([-0.1, 0.0, 0.05, 0.5, 1.0, 1.2]).reshape(1, 1, 2, 3)
    value = OutOfGamut(margin=0.05)(picture)
    torch.testing.assert_close(value, torch.tensor([(0.15**2 + 0.05**2 + 0.05**2 + 0.25**2) / 6]))


def test_gamut_allows_what_the_reference_has(pictures):
    prepared = OutOfGamut(margin=0.1).prepare(pictures[0])
    assert not prepared(pictures[0]).any()
    assert not prepared(0.5 + 0.5 * (pictures[0] - 0.5)).any()
    assert (prepared(0.5 + 1.5 * (pictures[0] - 0.5)) > 0).all()


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.lists(st.floats(0, 1), min_size=4, max_size=4))
@settings(deadline=None)
def test_histogram_is_the_cheapest_pairing(one, other):
    from itertools import permutations

    wanted = min(sum((a - b) ** 2 for a, b in zip(one, order, strict=True)) / 4 for order in permutations(other))
    image, mad_image = (torch.tensor(values, dtype=torch.float64).reshape(1, 1, 2, 2) for values in (one, other))
    assert HistogramDistance().prepare(image)(mad_image).item() == pytest.approx(wanted, abs=1e-12)


def test_histogram_does_not_see_where_pixels_are(pictures):
    assert not HistogramDistance().prepare(pictures[0])(pictures[0].flip(-1, -2)).any()


def test_luma_does_not_see_colour_of_equal_luma():
    image = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)
    tinted = image + torch.tensor([0.114, 0.0, -0.299], dtype=torch.float64)[:, None, None]
    assert HistogramDistance(colour="luma").prepare(image)(tinted).item() < 1e-30
    assert HistogramDistance().prepare(image)(tinted).item() > 0.01


@pytest.mark.parametrize("name", ["penalties.spectrum", "penalties.histogram"])
def test_comparisons_need_a_reference(name, pictures):
    with pytest.raises(madcore.InputError, match="compares with a reference picture"):
        madcore.create_penalty(name)(pictures[0])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("total_variation,epsilon=-1", "epsilon .*must be .*; got -1"),
        ("spectrum,bands=0", "bands .*must be .*; got 0"),
        ("spectrum,floor=0", "floor .*must be .*; got 0"),
        ("gamut,margin=0.5", "no room left inside a margin of 0.5"),
    ],
)
def test_options_out_of_range_are_refused(name, said):
    with pytest.raises(madcore.InputError, match=said):
        madcore.create_penalty(f"penalties.{name}")


@pytest.fixture(scope="module")
def color_picture():
    return madcore.read_image("dead_leaves_color", size=(32, 32))


@pytest.mark.parametrize("minmax", ["min", "max"])
@pytest.mark.parametrize("name", NAMES)
def test_mad_is_less_penalised_with_the_penalty(name, minmax, color_picture):
    penalty = madcore.create_penalty(name).prepare(color_picture)
    options = {"max_iter": 20, "level": "noise:0.1"}
    plain = madcore.synthesize(color_picture, "ssim", "mse", minmax, **options)
    with_it = madcore.synthesize(
        color_picture,
        "ssim",
        "mse",
        minmax,
        penalty=name,
        penalty_lambda=0.1 / float(penalty(plain.mad_image)),
        **options,
    )
    assert with_it.held_error.item() <= 1e-6
    assert penalty(with_it.mad_image).item() < penalty(plain.mad_image).item()


def test_declaring_imports_no_torch():
    program = "import sys, madcore_penalties as it; it.madcore_penalties(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-penalties")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()
