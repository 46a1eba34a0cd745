"""What every result promises, whatever the picture, the metrics, the level and the range."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import pair, wave_picture

import madcore
from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, restore

METRICS = ["mse", "mae", "lp,p=3", "ssim", "ssim,window=uniform,size=8"]


@st.composite
def problems(draw):
    """A small picture, two different metrics, a direction, a range and a level of noise."""
    optimized, held = draw(st.lists(st.sampled_from(METRICS), min_size=2, max_size=2, unique=True))
    height, width = draw(st.integers(12, 24)), draw(st.integers(12, 24))
    low, width_of_range = draw(st.floats(-2, 2)), draw(st.floats(0.5, 4))
    bounds = (low, low + width_of_range)
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    share = wave_picture(height, width, draw(st.sampled_from([1, 3]))).to(dtype)
    image = (low + width_of_range * share).clamp(*(torch.tensor(bound, dtype=dtype) for bound in bounds))
    return {
        "image": image,
        "optimized_metric": optimized,
        "reference_metric": held,
        "minmax": draw(st.sampled_from(["min", "max"])),
        "pixel_range": bounds,
        "initial_noise": draw(st.floats(0.02, 0.5)),
        "seed": draw(st.integers(0, 2**31)),
    }


def assert_keeps_its_promises(result, problem):
    low, high = (torch.tensor(bound, dtype=problem["image"].dtype) for bound in problem["pixel_range"])
    assert result.mad_image.min() >= low
    assert result.mad_image.max() <= high
    assert result.held_error.item() <= result.tolerance
    assert result.status[0] != madcore.Status.OFF_LEVEL
    sign = 1 if problem["minmax"] == "min" else -1
    start = result.initial_value.item()
    assert sign * (result.optimized_value.item() - start) <= 1e-3 * abs(start)


@settings(deadline=None, max_examples=20)
@given(problem=problems())
def test_holds_the_level_inside_the_range_and_is_no_worse_than_its_start(problem):
    assert_keeps_its_promises(madcore.synthesize(**problem, max_iter=12), problem)


@pytest.mark.parametrize(("optimized", "held", "minmax"), [("mse", "mae", "min"), ("mae", "mse", "max")])
def test_what_rounding_to_float32_moves_off_the_level_is_moved_back(optimized, held, minmax):
    image = (0.5 + 0.5 * wave_picture(12, 12, 1)).float()
    options = {"pixel_range": (0.5, 1.0), "initial_noise": 0.02, "max_iter": 12}
    for seed in range(4):
        result = madcore.synthesize(image, optimized, held, minmax, seed=seed, **options)
        assert result.held_error.item() <= result.tolerance


@pytest.mark.parametrize(("optimized", "minmax"), [("mse", "min"), ("mae", "max")])
def test_several_held_values_are_moved_back_together(optimized, minmax):
    image = (0.5 + 0.5 * wave_picture(12, 12, 1)).float()
    held = [metric for metric in ("mse", "mae", "lp,p=3") if metric != optimized]
    options = {"pixel_range": (0.5, 1.0), "initial_noise": 0.02, "max_iter": 8}
    for seed in range(4):
        result = madcore.synthesize(image, optimized, held, minmax, seed=seed, **options)
        assert result.held_error.item() <= result.tolerance


@pytest.mark.parametrize("power", [3, 4])
def test_what_is_equally_wrong_everywhere_is_rounded_on_its_levels(power):
    # the largest mae has equal errors, so that the held gradients are parallel and no small move makes up for another
    for seed in range(4):
        image = torch.rand((1, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
        options = {"seed": seed, "initial_noise": 0.003, "max_iter": 10}
        result = madcore.synthesize(image, "mae", ["mse", f"lp,p={power}"], "max", **options)
        assert result.held_error.item() <= result.tolerance
        assert result.optimized_value > result.initial_value


def test_levels_are_reached_where_the_held_gradients_depend_on_each_other():
    image, start = pair(12, 12, 1)
    ssim, mae, mse = map(madcore.create_metric, ("ssim", "mae", "mse"))
    problem = MADProblem.create(image, ssim, (mae, mse), torch.ones(1))
    start, error = start.flatten(1), (start - image).flatten(1)
    level = problem.held_values(start)
    alike = 1 + 1e-3 * torch.randn(error.shape, generator=torch.Generator().manual_seed(0))
    # with errors all but equal, the gradients of mae and mse are all but parallel, and mae is too large
    point = (image.flatten(1) + level[:, 1:].sqrt() * error.sign() * alike).clamp(0, 1)
    restored = restore(problem, point, level, start, 1e-9)
    assert held_error(problem, problem.held_values(restored), level).item() <= 1e-9


@st.composite
def pictures_at_their_ends(draw):
    """A small picture, many of whose pixels are black or white."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    shape = (1, draw(st.sampled_from([1, 3])), draw(st.integers(11, 16)), draw(st.integers(11, 16)))
    ends = (torch.rand(shape, generator=generator) < draw(st.floats(0.05, 0.95))).float()
    at_ends = torch.rand(shape, generator=generator) < draw(st.floats(0, 1))
    return torch.where(at_ends, ends, torch.rand(shape, generator=generator))


@settings(deadline=None, max_examples=40)
@given(
    image=pictures_at_their_ends(),
    held=st.lists(st.sampled_from(METRICS), min_size=1, max_size=2, unique=True),
    noise=st.floats(0.02, 0.5),
    way=st.floats(0.1, 0.9),
    seed=st.integers(0, 2**31),
)
def test_levels_of_an_image_with_the_same_mean_are_reached(image, held, noise, way, seed):
    order = torch.randperm(image.numel(), generator=torch.Generator().manual_seed(seed))
    same_mean = torch.lerp(image, image.flatten()[order].view_as(image), way)
    levels = [madcore.create_metric(name)(image.double(), same_mean.double()).item() for name in held]
    optimized = next(name for name in METRICS if name not in held)
    options = {"level": levels, "initial_noise": noise, "seed": seed, "keep_mean": True, "max_iter": 2}
    result = madcore.synthesize(image, optimized, held, "max", **options)
    assert result.held_error.item() <= result.tolerance
    assert abs(result.mad_image.double().mean() - image.double().mean()) <= 1e-6


def largest_with_mean(image, power):
    """Bound the mean power of errors that change no mean: for any multiplier each pixel is at its better end."""
    bounds = []
    for multiplier in torch.linspace(-2, 2, 401):
        ends = torch.stack([image**power + multiplier * image, (1 - image) ** power - multiplier * (1 - image)])
        bounds.append(ends.amax(0).clamp_min(0).mean())
    return min(bounds).item()


@pytest.mark.parametrize(("held", "power"), [("mae", 1), ("mse", 2)])
def test_a_level_that_no_image_with_the_same_mean_has_is_refused(held, power):
    image = (wave_picture(12, 12, 1) - 0.3).clamp(0, 1)
    largest = largest_with_mean(image, power)
    options = {"keep_mean": True, "max_iter": 2}
    with pytest.raises(madcore.LevelError, match=r"at the reference image's mean luminance: 0 to 0\.\d+ is"):
        madcore.synthesize(image, "ssim", held, "max", level=1.01 * largest, **options)
    result = madcore.synthesize(image, "ssim", held, "max", level=0.9 * largest, **options)
    assert result.held_error.item() <= result.tolerance


@settings(deadline=None, max_examples=10)
@given(problem=problems(), kept=st.floats(0.05, 0.7))
def test_masked_pixels_are_the_reference_to_the_last_bit(problem, kept):
    image = problem["image"]
    mask = torch.rand(image.shape[-2:], generator=torch.Generator().manual_seed(problem["seed"])) < kept
    result = madcore.synthesize(**problem, mask=mask, max_iter=8)
    assert torch.equal(result.mad_image[..., mask], image[..., mask])
    assert_keeps_its_promises(result, problem)


@settings(deadline=None, max_examples=10)
@given(problem=problems(), bits=st.sampled_from([8, 16]))
def test_written_pictures_are_held_no_worse_than_by_rounding_and_stay_inside(problem, bits):
    written = madcore.quantize(madcore.synthesize(**problem, max_iter=8), bits)
    assert written.held_error.item() <= max(written.rounded_error.item(), written.tolerance)
    assert 0 <= written.codes.min() <= written.codes.max() <= 2**bits - 1
