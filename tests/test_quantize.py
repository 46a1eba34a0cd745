"""Images as integers: the level is kept, to the tolerance or as far as is stated."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import wave_picture
from torch import nn

import madcore
from madcore.errors import InputError
from madcore.images import decode_image, encode_png

OPTIMIZED = {"mse": "ssim", "ssim": "mse", "mae": "mse"}


def synthesize(held, minmax="max", image=None, **options):
    image = wave_picture(64, 64, 1).float() if image is None else image
    optimized = OPTIMIZED.get(held, "ssim") if isinstance(held, str) else "ssim"
    return madcore.synthesize(image, optimized, held, minmax, **{"max_iter": 15, **options})


@pytest.fixture(scope="module")
def result():
    return synthesize("mse", initial_noise=0.02)


@pytest.mark.parametrize("held", ["mse", "ssim", "mae"])
@pytest.mark.parametrize("minmax", ["min", "max"])
@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_the_level_is_kept(held, minmax, noise):
    result = synthesize(held, minmax, initial_noise=noise)
    quantized = madcore.quantize(result)
    measured = madcore.create_metric(held)(result.image.double(), quantized.mad_image.double())
    assert abs(measured / result.level[:, 0] - 1) <= 1e-4
    assert quantized.held_error <= quantized.rounded_error


def test_rounding_alone_does_not_keep_it(result):
    quantized = madcore.quantize(result)
    assert quantized.rounded_error > 10 * quantized.tolerance
    assert 0 < quantized.changed < 0.05 * result.image.numel()


def test_the_optimized_value_stays_extreme(result):
    assert madcore.quantize(result).optimized_value.item() == pytest.approx(result.optimized_value.item(), rel=2e-2)


def test_colour():
    quantized = madcore.quantize(synthesize("mse", image=wave_picture(64, 64, 3).float(), initial_noise=0.03))
    assert quantized.codes.shape == (1, 3, 64, 64)
    assert quantized.held_error <= 1e-4


@pytest.mark.parametrize("bits", [8, 16])
def test_codes_are_integers_next_to_the_exact_image(result, bits):
    quantized, top = madcore.quantize(result, bits), 2**bits - 1
    assert quantized.codes.dtype == torch.int32
    assert 0 <= quantized.codes.min() <= quantized.codes.max() <= top
    assert ((quantized.codes - result.mad_image.double() * top).abs() <= 1).all()
    assert torch.equal(quantized.mad_image, (quantized.codes.double() / top).float())


@pytest.mark.parametrize("bits", [8, 16])
def test_a_reader_of_the_file_gets_the_stated_values(result, bits):
    quantized = madcore.quantize(result, bits)
    picture = decode_image(encode_png(quantized.mad_image, bits), "picture.png")
    measured = madcore.create_metric("mse")(result.image.double(), picture.double())
    assert measured.item() == pytest.approx(quantized.reference_value.item(), rel=1e-6)


def test_sixteen_bits_are_held_ten_times_better(result):
    quantized = madcore.quantize(result, 16)
    assert quantized.held_error <= quantized.tolerance == 1e-5


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), noise=st.floats(0.01, 0.2), held=st.sampled_from(["mse", "mae"]))
def test_any_start(seed, noise, held):
    quantized = madcore.quantize(synthesize(held, initial_noise=noise, seed=seed, max_iter=3))
    assert quantized.held_error <= 1e-4


@pytest.mark.parametrize("held", [["mse", "mae"], ["mse", "mae", "nlpd"]])
@pytest.mark.parametrize("minmax", ["min", "max"])
def test_several_held_metrics(held, minmax):
    quantized = madcore.quantize(synthesize(held, minmax, initial_noise=0.02))
    assert quantized.held_error <= 1e-4 < quantized.rounded_error
    assert quantized.reference_value.shape == (1, len(held))


def test_mean_luminance_held_too():
    quantized = madcore.quantize(synthesize("mse", keep_mean=True, initial_noise=0.05))
    assert quantized.held_error <= 1e-4


def test_a_batch_is_repaired_as_its_images_are():
    both = torch.cat([wave_picture(64, 64, 1), wave_picture(64, 64, 1).flip(3)])
    result = synthesize("mse", image=both, initial_noise=0.02)
    codes = madcore.quantize(result).codes
    for index in range(2):
        assert torch.equal(madcore.quantize(result.take(torch.tensor([index]))).codes, codes[index : index + 1])


def test_masked_pixels_keep_their_code():
    image = wave_picture(64, 64, 1).float()
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    result = synthesize("mse", image=image, mask=mask, initial_noise=0.05)
    quantized = madcore.quantize(result)
    assert torch.equal(quantized.codes[..., :32], (image.double() * 255).round().int()[..., :32])
    assert quantized.held_error <= 1e-4


def test_every_code_stays_in_its_own_bounds():
    image = wave_picture(64, 64, 1).float()
    low, high = (image - 0.05).clamp_min(0), (image + 0.05).clamp_max(1)
    quantized = madcore.quantize(synthesize("mse", image=image, pixel_range=(low, high), initial_noise=0.04))
    assert ((quantized.mad_image >= low) & (quantized.mad_image <= high)).all()
    assert quantized.code_range == (0.0, 1.0)
    assert quantized.held_error <= 1e-4


def test_codes_span_another_pixel_range():
    image = 255 * wave_picture(64, 64, 1).float()
    quantized = madcore.quantize(synthesize("mse", image=image, pixel_range=(0.0, 255.0), initial_noise=0.03))
    assert quantized.code_range == (0.0, 255.0)
    assert torch.equal(quantized.mad_image, quantized.codes.float())
    assert quantized.held_error <= 1e-4


def test_a_tiny_image_states_what_was_reached():
    image = torch.tensor([[[[0.4, 0.5]]]], dtype=torch.float64)
    start = image + torch.tensor([0.003, 0.0019])
    quantized = madcore.quantize(madcore.synthesize(image, "mae", "mse", "max", initial_image=start, max_iter=5))
    measured = madcore.create_metric("mse")(image, quantized.mad_image)
    assert quantized.held_error > quantized.tolerance
    assert measured.item() == pytest.approx(quantized.reference_value.item(), rel=1e-12)


def test_float32_modules_are_quantized_too():
    torch.manual_seed(0)
    model = nn.Conv2d(1, 4, 3).requires_grad_(False)
    held = madcore.Metric.from_model(model, name="conv")
    result = madcore.synthesize(wave_picture(64, 64, 1).float(), "mse", held, "max", max_iter=10, tolerance=1e-5)
    assert madcore.quantize(result).held_error <= 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 10}, "bits must be 8 or 16; got 10"),
        ({"code_range": (0.4, 0.6)}, "must contain the images"),
        ({"code_range": (1.0, 0.0)}, "the smaller first"),
    ],
)
def test_what_is_refused(result, options, message):
    with pytest.raises(InputError, match=message):
        madcore.quantize(result, **options)


def test_a_metric_with_kinks_is_held_where_no_flips_that_its_gradients_promise_reach_it():
    image = madcore.read_image("dead_leaves", size=64)
    result = madcore.synthesize(image, "ssim", "nlpd", "max", initial_noise=0.02, max_iter=30)
    quantized = madcore.quantize(result)
    assert quantized.rounded_error.item() > 1e-3
    assert quantized.held_error.item() <= 1e-4
