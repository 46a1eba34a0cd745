"""Prepared measures as solvers use them: many calls in one work space, batches, large pictures, unlike images."""

import pathlib

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from pictures import pair

from madcore import compiled
from madcore.errors import InputError
from madcore.measures.ms_ssim import MsSsim
from madcore.measures.nlpd import Nlpd
from madcore.measures.pixelwise import Lp, Mae, Mse
from madcore.measures.ssim import Ssim

PAPER = Ssim(window="uniform", size=8, weights="information", data_range=255.0)
WANG2008 = pathlib.Path(__file__).parents[2] / "shared" / "data" / "wang2008" / "samp6.npy"
MEASURES = {
    "mse": Mse(),
    "mae": Mae(),
    "lp": Lp(3.0),
    "lp_inf": Lp(float("inf")),
    "ssim": Ssim(),
    "ssim_paper": Ssim(window="uniform", size=8, weights="information"),
    "ssim_reflect": Ssim(padding="reflect", size=10, sigma=2.5),
    "ssim_wide": Ssim(window="uniform", size=33),
    "ms_ssim": MsSsim(scale_weights=(0.2, 0.3, 0.5), size=7),
    "nlpd": Nlpd(),
}
every = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)


both_ways = pytest.mark.usefixtures("implementation")


@pytest.fixture(params=["compiled", "torch"])
def implementation(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr(compiled, "at_hand", lambda images: False)


def by_autograd(measure, image, mad_image):
    variable = mad_image.clone().requires_grad_()
    values = measure.compose(image, variable)
    return values.detach(), torch.autograd.grad(values.sum(), variable)[0]


@both_ways
@every
@pytest.mark.parametrize(("height", "width", "count"), [(33, 250, 1), (49, 38, 4), (211, 177, 2)])
def test_value_and_gradient_of_any_size_and_batch(measure, height, width, count):
    image, mad_image = (each.expand(count, -1, -1, -1).clone() for each in pair(height, width))
    mad_image[-1] += 0.01
    values, gradient = measure.prepare(image).value_and_gradient(mad_image)
    expected, expected_gradient = by_autograd(measure, image, mad_image)
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-7, atol=1e-11)


@every
def test_later_calls_leave_earlier_results_alone(measure):
    image, mad_image = pair(40, 44)
    prepared = measure.prepare(image)
    first = prepared.value_and_gradient(mad_image)
    kept = [each.clone() for each in first]
    prepared.value_and_gradient(1 - mad_image)
    prepared(mad_image.square())
    assert all(torch.equal(one, other) for one, other in zip(first, kept, strict=True))


@both_ways
@every
def test_what_is_not_finite_leaves_no_trace(measure):
    image, mad_image = pair(37, 41)
    prepared = measure.prepare(image)
    before = prepared.value_and_gradient(mad_image)
    prepared.value_and_gradient(torch.full_like(mad_image, torch.nan))
    after = prepared.value_and_gradient(mad_image)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@every
def test_memory_layout_does_not_matter(measure):
    image, mad_image = pair(48, 52)
    prepared = measure.prepare(image.to(memory_format=torch.channels_last))
    values, gradient = prepared.value_and_gradient(mad_image.mT.contiguous().mT)
    expected, expected_gradient = measure.prepare(image).value_and_gradient(mad_image)
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@every
def test_inputs_are_left_alone(measure):
    image, mad_image = pair(36, 36)
    copies = image.clone(), mad_image.clone()
    measure.prepare(image).value_and_gradient(mad_image)
    assert torch.equal(image, copies[0])
    assert torch.equal(mad_image, copies[1])


@pytest.mark.parametrize("name", ["mse", "mae", "lp", "ssim", "ssim_paper", "ssim_reflect", "ms_ssim", "nlpd"])
def test_is_symmetric(name):
    image, mad_image = pair(60, 50)
    torch.testing.assert_close(MEASURES[name](image, mad_image), MEASURES[name](mad_image, image))


@every
def test_is_zero_at_identity_with_a_finite_gradient(measure):
    image, _ = pair(40, 40)
    values, gradient = measure.prepare(image.float()).value_and_gradient(image.float())
    assert values.item() == 0
    assert torch.isfinite(gradient).all()


@both_ways
@every
@pytest.mark.parametrize("noise", [1e-3, 1e-4])
def test_float32_keeps_its_digits_near_identity(measure, noise):
    image, mad_image = (each.float() for each in pair(80, 80, noise=noise))
    values, gradient = measure.prepare(image).value_and_gradient(mad_image)
    exact, exact_gradient = measure.prepare(image.double()).value_and_gradient(mad_image.double())
    torch.testing.assert_close(values.double(), exact, rtol=5e-6, atol=0)
    assert (gradient - exact_gradient).norm() < 3e-3 * exact_gradient.norm()


@every
def test_unlike_images_are_refused_in_one_line(measure):
    image, mad_image = pair(40, 40)
    for unlike in (mad_image[..., :39], mad_image.float(), mad_image.expand(2, -1, -1, -1)):
        with pytest.raises(InputError, match="must be like the reference image") as caught:
            measure.prepare(image)(unlike)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "nlpd"])
def test_half_precision_is_refused(name):
    image = torch.rand(1, 1, 64, 64).half()
    with pytest.raises(InputError, match="float32 or float64"):
        MEASURES[name](image, image)


def weighted_ssim(image, mad_image, size, c1, c2):
    """Wang & Simoncelli (2008) as they write it, window by window."""
    x, y = (sliding_window_view(each, (size, size)).reshape(-1, size * size) for each in (image, mad_image))
    covariance = (x * y).mean(1) - x.mean(1) * y.mean(1)
    luminance = (2 * x.mean(1) * y.mean(1) + c1) / (x.mean(1) ** 2 + y.mean(1) ** 2 + c1)
    local = luminance * (2 * covariance + c2) / (x.var(1) + y.var(1) + c2)
    weights = np.log((1 + x.var(1) / c2) * (1 + y.var(1) / c2))
    return (weights * local).sum() / weights.sum()


@pytest.mark.skipif(not WANG2008.exists(), reason="the picture of the original paper is not at hand")
def test_weighted_ssim_of_the_original_paper():
    picture = np.load(WANG2008).astype(float)
    noise = np.random.default_rng(0).standard_normal(picture.shape)
    other = picture + noise * np.sqrt(128 / (noise**2).mean())
    image, mad_image = (torch.from_numpy(each)[None, None] for each in (picture, other))
    expected = weighted_ssim(picture, other, 8, (0.01 * 255) ** 2, (0.03 * 255) ** 2)
    assert 1 - PAPER(image, mad_image).item() == pytest.approx(expected, abs=1e-12)
    # the published start, other noise of this strength, has 0.81832
    assert expected == pytest.approx(0.81832, abs=0.01)


@pytest.mark.gpu
@every
def test_gpu_agrees(measure):
    image, mad_image = (each.float().expand(3, -1, -1, -1) for each in pair(180, 200))
    values, gradient = measure.prepare(image).value_and_gradient(mad_image)
    on_gpu = measure.prepare(image.cuda()).value_and_gradient(mad_image.cuda())
    torch.testing.assert_close(on_gpu[0].cpu(), values, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(on_gpu[1].cpu(), gradient, rtol=1e-3, atol=1e-8)
