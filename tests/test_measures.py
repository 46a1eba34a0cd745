"""Values, gradients and precision of the core's metrics."""

import json
import pathlib

import piq
import plenoptic
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import pair
from torch.autograd import gradcheck, gradgradcheck

from madcore.errors import InputError
from madcore.measures.ms_ssim import MsSsim, ms_ssim
from madcore.measures.nlpd import Nlpd, nlpd
from madcore.measures.pixelwise import Lp, Mae, Mse, lp, mae, mse
from madcore.measures.ssim import Ssim, ssim

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden" / "measures.json").read_text())
FUNCTIONS = {"mse": mse, "ssim": ssim, "ms_ssim": ms_ssim, "nlpd": nlpd}
SMALL = {
    "mse": Mse(),
    "mae": Mae(),
    "lp": Lp(3.0),
    "ssim": Ssim(),
    "ssim_paper": Ssim(window="uniform", size=8, weights="information"),
    "ssim_reflect": Ssim(padding="reflect"),
    "ssim_weighted_reflect": Ssim(weights="information", padding="reflect", size=7),
    "ms_ssim": MsSsim(scale_weights=(0.3, 0.3, 0.4), size=5),
    "nlpd": Nlpd(),
}
TWO_SCALES = MsSsim(scale_weights=(0.4, 0.6), size=3)
small = pytest.mark.parametrize("measure", SMALL.values(), ids=SMALL)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['metric']}-{case['library']}")
def test_agrees_with_independent_implementation(case):
    image, mad_image = pair()
    channels = slice(None) if case["colour"] else slice(1)
    value = FUNCTIONS[case["metric"]](image[:, channels], mad_image[:, channels], **case["options"])
    # plenoptic keeps its window's taps in float32, 7e-7; MS-SSIM's floor makes 9e-8, NLPD's other root at 0 1e-7
    assert value.item() == pytest.approx(case["value"], abs=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_agrees_with_the_libraries_today():
    image, mad_image = pair(200, 181, noise=0.1, seed=3)
    ours = ssim(image, mad_image)
    torch.testing.assert_close(
        1 - ours, piq.ssim(mad_image, image, downsample=False, reduction="none"), atol=1e-6, rtol=0
    )
    # plenoptic keeps its window's taps in float32
    torch.testing.assert_close(1 - ours, plenoptic.metric.ssim(image, mad_image).mean(1), atol=2e-5, rtol=0)
    torch.testing.assert_close(
        nlpd(image, mad_image), plenoptic.metric.nlpd(image, mad_image).mean(1), atol=1e-6, rtol=0
    )


@small
def test_gradient_is_the_derivative(measure):
    image, mad_image = pair(34, 37, channels=1)
    prepared = measure.prepare(image)
    variable = mad_image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(prepared(variable).sum(), variable)
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(image.shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        slope = (prepared(mad_image + 1e-6 * direction) - prepared(mad_image - 1e-6 * direction)) / 2e-6
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=2e-5)


@pytest.mark.parametrize(
    "measure",
    [Mse(), Lp(3.0), Ssim(size=3), Ssim(size=2, weights="information"), Ssim(size=4, padding="reflect"), TWO_SCALES],
    ids=repr,
)
def test_first_and_second_derivatives(measure):
    image, mad_image = pair(5, 6, channels=1)
    variable, reference = mad_image.requires_grad_(), image.clone().requires_grad_()
    assert gradcheck(lambda other: measure(image, other), variable)
    assert gradgradcheck(lambda other: measure(image, other), variable, atol=1e-4)
    assert gradcheck(measure, (reference, variable))
    assert gradgradcheck(measure, (reference, variable), atol=1e-4)


@small
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), noise=st.floats(1e-3, 0.5))
def test_is_a_distance_for_each_image(measure, seed, noise):
    image, mad_image = pair(33, 36, noise=noise, seed=seed)
    more = pair(33, 36, noise=2 * noise, seed=seed)[1]
    values = measure(image.expand(3, -1, -1, -1), torch.cat([image, mad_image, more]))
    assert values[0].abs() <= 1e-12
    assert values[1] > 0
    torch.testing.assert_close(values[1:2], measure(image, mad_image), rtol=1e-12, atol=0)


@small
def test_gradient_at_identity_is_finite(measure):
    image, _ = pair(34, 34)
    image[..., :10, :10] = 0
    variable = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(measure(image, variable).sum(), variable)
    assert torch.isfinite(gradient).all()


def test_negative_contrast_has_a_gradient():
    image, _ = pair(40, 40, channels=1)
    variable = (1 - image).requires_grad_()
    value = SMALL["ms_ssim"](image, variable)
    (gradient,) = torch.autograd.grad(value.sum(), variable)
    assert 0.5 < value.item() < 1
    assert gradient.norm() > 1e-9


@pytest.mark.parametrize(("measure", "side"), [(Ssim(), 10), (MsSsim(), 160), (Nlpd(), 32)])
def test_too_small_is_named(measure, side):
    image = torch.rand(1, 1, side, 200)
    with pytest.raises(InputError, match=f"at least {side + 1} pixels"):
        measure(image, image)
    larger = torch.rand(1, 1, side + 1, 200)
    assert measure(larger, larger).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("options", [{"window": "square"}, {"weights": "some"}, {"padding": "zero"}, {"size": 0}])
def test_ssim_refuses_unknown_options(options):
    with pytest.raises(InputError, match=next(iter(options))):
        Ssim(**options)


def test_lp_limits():
    image, mad_image = pair(8, 8)
    torch.testing.assert_close(lp(image, mad_image, p=2.0).square(), mse(image, mad_image))
    torch.testing.assert_close(lp(image, mad_image, p=1.0), mae(image, mad_image))
    torch.testing.assert_close(lp(image, mad_image, p=float("inf")), (image - mad_image).abs().flatten(1).amax(1))
    with pytest.raises(InputError, match="1 or more"):
        lp(image, mad_image, p=0.5)


def test_ssim_follows_the_data_range():
    image, mad_image = pair(20, 20)
    torch.testing.assert_close(ssim(255 * image, 255 * mad_image, data_range=255.0), ssim(image, mad_image))


def test_flat_pictures_weigh_nothing():
    flat = torch.full((1, 1, 16, 16), 0.5, dtype=torch.float64)
    variable = (flat + 0.1).requires_grad_()
    value = SMALL["ssim_paper"](flat, variable)
    assert torch.isfinite(torch.autograd.grad(value.sum(), variable)[0]).all()
