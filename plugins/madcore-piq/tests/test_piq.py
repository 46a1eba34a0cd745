import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import piq
import pytest
import torch
from madcore_piq import METRICS
from madcore_piq.exact import Exact, unchecked
from madcore_piq.measures import Measure
from piq_pictures import noisy, picture

import madcore
from madcore.testing import check_device

NAMES = [name for name in madcore.list_metrics() if name.startswith("piq.")]
LARGE = ["piq.ms_ssim", "piq.iw_ssim"]
NETWORKS = ["piq.dists", "piq.pieapp"]
SMALL = [name for name in NAMES if name not in {*LARGE, *NETWORKS}]
VARIANTS = ["piq.fsim,chromatic=true", "piq.ms_gmsd,chromatic=true", "piq.srsim,chromatic=true"]


def test_all_are_listed():
    assert len(SMALL) == 10
    assert {*LARGE, *NETWORKS} < set(NAMES)


@pytest.mark.parametrize("name", [*SMALL, *VARIANTS])
def test_value_is_that_of_piq(name):
    image, mad_image = picture(), noisy(picture())
    options = {"ssim": {"downsample": False}, "mdsi": {"o": 1.0}, "fsim": {"chromatic": False}}
    bare, chromatic = name.removeprefix("piq.").partition(",")[::2]
    function = {"ms_gmsd": piq.multi_scale_gmsd, "vif": piq.vif_p}.get(bare) or getattr(piq, bare)
    chosen = {"chromatic": True} if chromatic else options.get(bare, {})
    value = function(mad_image, image, reduction="none", **chosen)
    expected = value if bare in ("gmsd", "ms_gmsd", "mdsi") else (1 - value).abs()
    # piq's resampling and one of its sums are in float32 even for float64 images.
    tolerance = 1e-6 if bare in ("srsim", "dss") else 1e-13
    torch.testing.assert_close(madcore.create_metric(name)(image, mad_image), expected, rtol=tolerance, atol=tolerance)


def test_values_of_large_windows_are_those_of_piq():
    image = picture(170, channels=1)
    mad_image = noisy(0.5 + 0.7 * (image - 0.5), 0.1)
    for name, function in (("ms_ssim", piq.multi_scale_ssim), ("iw_ssim", piq.information_weighted_ssim)):
        expected = 1 - function(mad_image, image, reduction="none")
        torch.testing.assert_close(madcore.create_metric(f"piq.{name}")(image, mad_image), expected)
    swapped = 1 - piq.information_weighted_ssim(image, mad_image, reduction="none")
    assert (swapped / expected - 1).abs() > 1e-4


def test_reference_comes_first():
    """VIF is above 1 where contrast was raised, below where it was lowered; MDSI is not symmetric either."""
    high = picture(channels=1)
    low = 0.5 + 0.7 * (high - 0.5)
    assert piq.vif_p(low, high) < 0.95 < 1.05 < piq.vif_p(high, low)
    vif, mdsi = madcore.create_metric("piq.vif"), madcore.create_metric("piq.mdsi")
    torch.testing.assert_close(vif(high, low), 1 - piq.vif_p(low, high, reduction="none"))
    torch.testing.assert_close(vif(low, high), piq.vif_p(high, low, reduction="none") - 1)
    color = picture()
    blurred = torch.nn.functional.avg_pool2d(color, 3, 1, 1)
    torch.testing.assert_close(mdsi(color, blurred), piq.mdsi(blurred, color, o=1.0, reduction="none"))
    assert (mdsi(blurred, color) / mdsi(color, blurred) - 1).abs() > 0.02


def test_options_change_the_value():
    image, mad_image = picture(), noisy(picture())
    values = [madcore.create_metric(name)(image, mad_image) for name in ("piq.vif", "piq.vif,sigma_n_sq=0.4")]
    torch.testing.assert_close(1 - values[1], piq.vif_p(mad_image, image, sigma_n_sq=0.4, reduction="none"))
    assert values[0] != values[1]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("piq.ssim,kernel_size=7", 7),
        ("piq.ms_ssim,scale_weights=0.5+0.5", 21),
        ("piq.ms_gmsd,scale_weights=0.5+0.5", 5),
        ("piq.dss,percentile=0.5", 16),
        ("piq.srsim,scale=0.5", 20),
        ("piq.iw_ssim,scale_weights=0.5+0.3+0.2", 41),
    ],
)
def test_smallest_side_follows_the_options(text, side):
    metric = madcore.create_metric(text)
    assert metric.min_side == side
    image = picture(side)
    assert torch.isfinite(metric.prepare(image).value_and_gradient(noisy(image))[1]).all()
    with pytest.raises(madcore.InputError, match=f"at least {side} pixels"):
        metric(image[..., 1:], image[..., 1:])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ssim,kernel_size=4", "kernel_size of piq.ssim must be odd and above 0; got 4"),
        ("ms_ssim,kernel_size=-3", "must be odd and above 0; got -3"),
        ("iw_ssim,blk_size=2", "must be odd and above 0; got 2"),
        ("ssim,kernel_sigma=0", "must be above 0; got 0.0"),
        ("vif,sigma_n_sq=-1", "must be above 0; got -1.0"),
        ("fsim,scales=0", "must be above 0; got 0"),
        ("haarpsi,alpha=0", "must be above 0; got 0.0"),
        ("vsi,alpha=-1", "must be 0 or more; got -1.0"),
        ("dss,percentile=0", "must be above 0 and at most 1; got 0.0"),
        ("dss,percentile=2", "must be above 0 and at most 1; got 2.0"),
        ("srsim,scale=0", "must be above 0; got 0.0"),
        ("ms_ssim,scale_weights=0.5+-1", "must be 0 or more, and not all 0; got 0.5+-1"),
        ("ms_gmsd,scale_weights=0+0", "must be 0 or more, and not all 0; got 0.0+0.0"),
        ("pieapp,stride=0", "must be above 0; got 0"),
    ],
)
def test_options_that_piq_cannot_work_with_are_refused(text, wanted):
    with pytest.raises(madcore.InputError, match=re.escape(wanted)):
        madcore.create_metric(f"piq.{text}")


def test_constants_of_stability_may_be_zero():
    assert madcore.create_metric("piq.ssim,k1=0,k2=0")(picture(), noisy(picture())).item() > 0


@pytest.mark.parametrize("name", [*SMALL, *VARIANTS])
@pytest.mark.parametrize("size", [(41, 67), (64, 45)])
def test_odd_and_oblong_pictures(name, size):
    image = picture(67)[..., : size[0], : size[1]]
    values, gradient = madcore.create_metric(name).prepare(image).value_and_gradient(noisy(image))
    assert values > 0
    assert torch.isfinite(gradient).all()


def test_declared_smallest_sides_are_those_of_the_defaults():
    built = {name: madcore.create_metric(name).function for name in [*SMALL, *LARGE]}
    specs = {f"piq.{spec.name}": spec for spec in METRICS}
    assert {name: measure.min_side for name, measure in built.items()} == {name: specs[name].min_side for name in built}


@pytest.mark.parametrize("name", [*SMALL, *VARIANTS])
def test_grey_is_as_three_equal_channels(name):
    image, mad_image = picture(channels=1), noisy(picture(channels=1))
    metric = madcore.create_metric(name)
    values = [metric(image.expand(-1, count, -1, -1), mad_image.expand(-1, count, -1, -1)) for count in (1, 3)]
    if name == "piq.haarpsi":
        assert abs(values[0] - values[1]) > 1e-3
    else:
        torch.testing.assert_close(*values, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1)])
def test_other_range(name, low, high):
    image, mad_image = picture(), noisy(picture())
    metric = madcore.create_metric(name)
    wide = metric.for_range(low, high)(*(low + (high - low) * each for each in (image, mad_image)))
    torch.testing.assert_close(wide, metric(image, mad_image), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["piq.gmsd", "piq.dss"])
@pytest.mark.parametrize("shift", [-0.2, 0.4, float("nan")])
def test_pixels_far_outside_are_refused(name, shift):
    metric, image = madcore.create_metric(name), picture()
    for pair in ((image + shift, image), (image, image + shift)):
        with pytest.raises(madcore.InputError, match=rf"{name} needs pixels from 0 to 1; got .* rescale the images"):
            metric(*pair)


@pytest.mark.parametrize("name", [*SMALL, *VARIANTS])
def test_rounding_outside_the_range_is_clamped_and_can_come_back(name):
    image = picture()
    mad_image = noisy(image)
    mad_image[..., ::3, ::4] = 1.0
    metric = madcore.create_metric(name).prepare(image)
    values, gradient = metric.value_and_gradient(mad_image)
    outside = torch.where(mad_image == 1, 1 + 1e-6, mad_image)
    torch.testing.assert_close(metric.value_and_gradient(outside), (values, gradient), rtol=0, atol=0)
    assert gradient[..., ::3, ::4].ne(0).double().mean() > (0.1 if name == "piq.dss" else 0.5)


@pytest.mark.parametrize("name", [*SMALL, *VARIANTS])
def test_no_nan_is_hidden(name):
    image = picture()
    mad_image = noisy(image)
    mad_image[0, 0, 3, 3] = float("nan")
    assert madcore.create_metric(name).prepare(image).value(mad_image).isnan()


def test_zero_slope_at_zero_only():
    x = torch.tensor([0.0, 1e-30, 4.0], requires_grad=True)
    with Exact(torch.float32):
        (x.sqrt() + x**0.25 + torch.sqrt(x) + x.pow(0.5)).sum().backward()
    plain = x.detach().requires_grad_()
    (plain.sqrt() + plain**0.25 + torch.sqrt(plain) + plain.pow(0.5)).sum().backward()
    assert x.grad[0] == 0
    assert torch.equal(x.grad[1:], plain.grad[1:])
    assert plain.grad[0].isinf()


@pytest.mark.parametrize("function", [piq.gmsd, piq.vsi, piq.haarpsi, piq.fsim, piq.mdsi])
def test_finite_values_and_gradients_of_piq_do_not_change(function):
    image, mad_image = picture(), noisy(picture()).requires_grad_()
    plain = function(mad_image, image)
    (expected,) = torch.autograd.grad(plain, mad_image)
    with Exact(image.dtype):
        value = unchecked(function)(mad_image, image)
    (gradient,) = torch.autograd.grad(value, mad_image)
    assert torch.equal(value, plain)
    assert torch.equal(gradient, expected)


def test_roots_of_negative_numbers_stay_nan():
    x = torch.tensor([-1.0], requires_grad=True)
    with Exact(torch.float32):
        assert x.sqrt().isnan()


@pytest.mark.parametrize("name", ["piq.gmsd", "piq.vsi", "piq.mdsi", "piq.fsim", "piq.dss", "piq.srsim"])
def test_saturated_pixels_beside_texture_can_move(name):
    image = picture()
    image[..., :16] = 1.0
    gradient = madcore.create_metric(name).prepare(image).value_and_gradient(noisy(image))[1]
    assert torch.isfinite(gradient).all()
    assert gradient[..., 13:16].any()


def test_saliency_of_a_batch_is_that_of_its_images():
    images = picture(count=3)
    images = images * torch.tensor([1.0, 0.5, 0.2], dtype=images.dtype).view(3, 1, 1, 1)
    metric, mad_images = madcore.create_metric("piq.srsim"), noisy(images)
    values, gradient = metric.prepare(images).value_and_gradient(mad_images)
    singles = [metric.prepare(images[[k]]).value_and_gradient(mad_images[[k]]) for k in range(3)]
    torch.testing.assert_close(values, torch.cat([value for value, _ in singles]))
    torch.testing.assert_close(gradient, torch.cat([slope for _, slope in singles]))
    assert (piq.srsim(mad_images, images, reduction="none") - 1 + values).abs().max() > 1e-4


def test_checkerboard_of_single_pixels_is_seen_by_ssim_in_large_pictures():
    image = torch.full((1, 1, 512, 512), 0.5)
    board = image + 0.1 * (-1.0) ** (torch.arange(512)[:, None] + torch.arange(512))
    assert madcore.create_metric("piq.ssim")(image, board) > 0.5
    assert madcore.create_metric("piq.ssim,downsample=true")(image, board).abs() < 1e-6


def test_two_black_images_are_identical_to_haarpsi():
    black = torch.zeros(2, 3, 32, 32)
    black[1] = 0.5
    values, gradient = madcore.create_metric("piq.haarpsi").prepare(black).value_and_gradient(black.clone())
    torch.testing.assert_close(values, torch.zeros(2), rtol=0, atol=1e-5)
    assert torch.isfinite(gradient).all()


def test_iw_ssim_refuses_a_flat_reference():
    flat = torch.full((1, 1, 161, 161), 0.5)
    with pytest.raises(madcore.InputError, match="no texture"):
        madcore.create_metric("piq.iw_ssim")(flat, noisy(flat))


def test_iw_ssim_in_float32_has_the_gradient_of_float64():
    image = picture(161)
    mad_image = noisy(image).float()
    metric = madcore.create_metric("piq.iw_ssim")
    gradients = [
        metric.prepare(image.float().to(dtype)).value_and_gradient(mad_image.to(dtype))[1]
        for dtype in (torch.float32, torch.float64)
    ]
    torch.testing.assert_close(gradients[0].double(), gradients[1], rtol=1e-5, atol=1e-9)


def test_inverted_picture_is_on_the_plateau_of_ms_ssim():
    image = picture(161)
    values, gradient = madcore.create_metric("piq.ms_ssim").prepare(image).value_and_gradient(1 - image)
    assert values == 1
    assert not gradient.any()


@pytest.mark.parametrize("name", ["piq.dss", "piq.srsim"])
def test_double_precision_is_kept(name):
    image = picture()
    mad_image = noisy(image)
    metric = madcore.create_metric(name).prepare(image)
    values, gradient = metric.value_and_gradient(mad_image)
    step = 1e-7 * gradient / gradient.abs().max()
    change = metric.value(mad_image + step) - metric.value(mad_image - step)
    torch.testing.assert_close(change, 2 * (gradient * step).sum()[None], rtol=1e-4, atol=0)
    assert values.dtype == torch.float64


@pytest.mark.parametrize("name", [*SMALL, *LARGE, *VARIANTS])
def test_follows_the_images_to_another_device(name):
    check_device(name).enforce()


def test_the_copy_of_a_function_checks_nothing_and_the_function_itself_goes_on():
    image = picture()
    outside = image - 0.5
    assert torch.isfinite(unchecked(piq.gmsd)(outside, image))
    with pytest.raises(AssertionError, match="greater or equal"):
        piq.gmsd(outside, image)


def test_measures_are_equal_if_their_options_are():
    assert Measure("gmsd", {}) == Measure("gmsd", {}) != Measure("gmsd", {"alpha": 1.0})


def test_declaring_imports_no_torch():
    program = "import sys, madcore_piq as it; it.madcore_metrics(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-piq")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()
