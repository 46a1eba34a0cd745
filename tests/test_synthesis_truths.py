"""The solver against extremes that are known: the value, and the held metric at its level."""

import math
import os
import pathlib

import numpy as np
import pytest
import torch
from oracles import (
    equalised,
    fourier_weighted,
    global_ssim,
    global_ssim_extremes,
    knapsack,
    largest_l2_given_l1,
    rayleigh,
    smallest_l1_given_l2,
)
from pictures import wave_picture

import madcore

DATA = pathlib.Path(os.environ.get("MADCORE_DATA", pathlib.Path(__file__).parents[2] / "shared" / "data"))
EVERYWHERE = (-math.inf, math.inf)
sides = pytest.mark.parametrize("minmax", ["min", "max"])


def l1(image, mad_image):
    return (mad_image - image).abs().flatten(1).sum(1)


def l2(image, mad_image):
    return (mad_image - image).flatten(1).norm(dim=1)


def grey(*shape):
    return torch.full(shape, 0.5, dtype=torch.float64)


def extreme(image, optimized, held, minmax, **options):
    result = madcore.synthesize(image, optimized, held, minmax, **{"max_iter": 400, **options})
    assert (result.held_error < 1e-7).all(), str(result)
    low, high = result.pixel_range
    assert ((result.mad_image.flatten(1) >= low) & (result.mad_image.flatten(1) <= high)).all()
    return result


@sides
@pytest.mark.parametrize("condition", [10, 1000])
def test_rayleigh_quotient(minmax, condition):
    first, second, smallest, largest = rayleigh(8, condition)
    result = extreme(grey(3, 1, 8, 8), first, second, minmax, pixel_range=EVERYWHERE, initial_noise=0.01)
    truth = result.level[:, 0] * (smallest if minmax == "min" else largest)
    torch.testing.assert_close(result.optimized_value, truth, rtol=1e-5, atol=0)


@sides
def test_fourier_weighted(minmax):
    first, second, smallest, largest = fourier_weighted(32, 33)
    result = extreme(grey(2, 1, 32, 33), first, second, minmax, pixel_range=EVERYWHERE, initial_noise=0.01)
    truth = result.level[:, 0] * (smallest if minmax == "min" else largest)
    torch.testing.assert_close(result.optimized_value, truth, rtol=1e-5, atol=0)


@sides
def test_global_ssim(minmax):
    image = 0.25 + 0.5 * wave_picture(24, 24, 1)
    level = 0.004
    truths = dict(zip(("min", "max"), global_ssim_extremes(image, level), strict=True))
    result = extreme(image, global_ssim, "mse", minmax, level=level, starts=3, pixel_range=EVERYWHERE)
    assert result.optimized_value.item() == pytest.approx(truths[minmax], rel=1e-5)


@pytest.mark.parametrize(
    ("optimized", "held", "minmax", "truth"),
    [(l2, l1, "max", 1), (l2, l1, "min", 0.5**0.5), (l1, l2, "max", 2**0.5), (l1, l2, "min", 1)],
)
def test_two_pixels(optimized, held, minmax, truth):
    result = extreme(grey(1, 1, 1, 2), optimized, held, minmax, pixel_range=EVERYWHERE)
    assert result.optimized_value.item() == pytest.approx(truth * result.level.item(), rel=1e-5)


@sides
def test_box_knapsack(minmax):
    generator = torch.Generator().manual_seed(0)
    count = 144
    values, costs = (0.1 + torch.rand(2, count, generator=generator, dtype=torch.float64)).unbind()
    image = 0.2 + 0.6 * torch.rand(1, 1, 12, 12, generator=generator, dtype=torch.float64)
    rooms = torch.maximum(image, 1 - image).flatten().square()

    def weighted(weights):
        return lambda image, mad_image: (weights * (mad_image - image).flatten(1).square()).sum(1)

    level = 0.3 * (costs * rooms).sum().item()
    truth = knapsack(values, costs, rooms, level, minmax == "max")
    result = extreme(image, weighted(values), weighted(costs), minmax, level=level, starts=5)
    assert result.optimized_value.item() == pytest.approx(truth, rel=1e-3)


@pytest.mark.parametrize(
    ("optimized", "held", "minmax", "truth"),
    [(l2, l1, "max", 1), (l2, l1, "min", 1 / 16), (l1, l2, "max", 16), (l1, l2, "min", 1)],
)
def test_l1_and_l2_without_bounds(optimized, held, minmax, truth):
    result = extreme(grey(2, 1, 16, 16), optimized, held, minmax, pixel_range=EVERYWHERE)
    torch.testing.assert_close(result.optimized_value, truth * result.level[:, 0], rtol=1e-2, atol=0)


@pytest.mark.parametrize("picture", ["grey", "wave"])
@pytest.mark.parametrize(("held", "minmax"), [("l1", "min"), ("l1", "max"), ("l2", "min"), ("l2", "max")])
def test_l1_and_l2_inside_bounds(picture, held, minmax):
    image = grey(1, 1, 24, 24) if picture == "grey" else wave_picture(24, 24, 1)
    rooms = torch.maximum(image, 1 - image).flatten()
    if held == "l1":
        level = 0.35 * rooms.sum().item()
        spread = equalised(rooms, 1, level).square().sum().sqrt().item()
        truth = largest_l2_given_l1(rooms, level) if minmax == "max" else spread
        result = extreme(image, l2, l1, minmax, level=level, starts=5)
    else:
        level = 0.5 * rooms.norm().item()
        spread = equalised(rooms, 2, level**2).sum().item()
        truth = smallest_l1_given_l2(rooms, level) if minmax == "min" else spread
        result = extreme(image, l1, l2, minmax, level=level, starts=5)
    assert result.optimized_value.item() == pytest.approx(truth, rel=1e-2)


@sides
def test_an_increasing_function_of_the_held_metric_cannot_differ(minmax):
    image = wave_picture(24, 24, 1)

    def rising(image, mad_image):
        return madcore.create_metric("mse")(image, mad_image).add(1e-3).log() + 10

    result = extreme(image, rising, "mse", minmax)
    assert abs(result.optimized_value - result.initial_value).item() < 10 * result.tolerance
    assert result.status[0] in ("converged", "stalled")


@sides
def test_increasing_functions_change_nothing(minmax):
    first, second, _, _ = rayleigh(8, 100)
    image = grey(1, 1, 8, 8)
    options = {"pixel_range": EVERYWHERE, "initial_noise": 0.01}
    plain = extreme(image, first, second, minmax, **options)
    bent = extreme(image, lambda r, x: first(r, x).sqrt(), lambda r, x: (1 + second(r, x)).log(), minmax, **options)
    assert bent.optimized_value.square().item() == pytest.approx(plain.optimized_value.item(), rel=1e-5)


@sides
def test_increasing_functions_change_nothing_in_fourier_space(minmax):
    first, second, _, _ = fourier_weighted(16, 17)
    image = grey(1, 1, 16, 17)
    options = {"pixel_range": EVERYWHERE, "initial_noise": 0.01}
    plain = extreme(image, first, second, minmax, **options)
    bent = extreme(image, lambda r, x: first(r, x).sqrt(), lambda r, x: (1 + second(r, x)).log(), minmax, **options)
    assert bent.optimized_value.square().item() == pytest.approx(plain.optimized_value.item(), rel=1e-5)


@pytest.mark.skipif(not (DATA / "wang2008").is_dir(), reason="the original paper's public picture is not here")
class TestOriginalPaper:
    """Wang & Simoncelli (2008): their program's published run, and the best known values."""

    SSIM = "ssim,window=uniform,size=8,weights=information"
    SSIM_LEVEL = 1 - 0.8183184633106257
    MSE_LEVEL = 128 / 255**2

    @pytest.fixture
    def image(self):
        return torch.from_numpy(np.load(DATA / "wang2008" / "samp6.npy")).double()[None, None] / 255

    def starts(self, image, *problem, level):
        return [extreme(image, *problem, level=level, seed=seed, initial_noise=0.044) for seed in range(5)]

    def test_smallest_ssim_from_every_start(self, image):
        for result in self.starts(image, self.SSIM, "mse", "max", level=self.MSE_LEVEL):
            assert 1 - result.optimized_value.item() == pytest.approx(0.689453, abs=5e-5)

    def test_smallest_mse_from_every_start(self, image):
        for result in self.starts(image, "mse", self.SSIM, "min", level=self.SSIM_LEVEL):
            assert result.optimized_value.item() * 255**2 == pytest.approx(70.0884, abs=5e-3)

    def test_increasing_functions_change_nothing(self, image):
        mse, ssim = madcore.create_metric("mse"), madcore.create_metric(self.SSIM)

        def bent_mse(image, mad_image):
            return mse(image, mad_image).sqrt()

        def bent_ssim(image, mad_image):
            return (1 + ssim(image, mad_image)).log()

        options = {"initial_noise": 0.044, "max_iter": 400}
        worst = extreme(image, bent_ssim, bent_mse, "max", level=self.MSE_LEVEL**0.5, **options)
        assert 2 - worst.optimized_value.exp().item() == pytest.approx(0.689453, rel=1e-5)
        least = extreme(image, bent_mse, bent_ssim, "min", level=math.log(1 + self.SSIM_LEVEL), **options)
        assert least.optimized_value.item() ** 2 * 255**2 == pytest.approx(70.0884, rel=1e-5)

    def test_largest_ssim_from_the_best_start(self, image):
        result = extreme(image, self.SSIM, "mse", "min", level=self.MSE_LEVEL, starts=5, initial_noise=0.044)
        assert 1 - result.optimized_value.item() >= 0.9955

    def test_largest_mse_from_the_best_start(self, image):
        result = extreme(image, "mse", self.SSIM, "max", level=self.SSIM_LEVEL, starts=5, initial_noise=0.044)
        assert result.optimized_value.item() * 255**2 >= 8339
        assert result.start_values.shape == (1, 5)
