"""Syntheses where the image is: on a GPU, and everywhere on a simulated device that mixes with no other."""

import pytest
import torch
from pictures import wave_picture

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers.level_set import LOOK_EVERY
from madcore.testing.simulated_device import simulated_device

# on a device that torch does not know it takes norms the old way, and says so
pytestmark = pytest.mark.filterwarnings("ignore:at..frobenius_norm")

IMAGE = wave_picture(34, 36, 1).float().expand(2, -1, -1, -1)
TOP = torch.zeros(34, 36, dtype=torch.bool)
TOP[:10] = True
NOISY = (IMAGE + 0.1 * torch.randn(IMAGE.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
ASKED = {
    "min": (("ssim", "mse", "min"), {}),
    "max": (("mse", "ssim", "max"), {}),
    "pyramid": (("nlpd", "mse", "max"), {}),
    "kinks": (("mae", "lp", "max"), {}),
    "two held": (("ssim", ("mse", "mae"), "max"), {}),
    "mean kept": (("ssim", "mse", "max"), {"keep_mean": True}),
    "mask": (("ssim", "mse", "max"), {"mask": TOP}),
    "a range for each pixel": (("mse", "ssim", "max"), {"pixel_range": (torch.zeros(34, 36), torch.ones(34, 36))}),
    "value as level": (("mse", "ssim", "max"), {"level": 0.3}),
    "noise as level": (("mse", "ssim", "max"), {"level": "noise:0.05"}),
    "start image": (("mse", "ssim", "max"), {"initial_image": NOISY}),
    "several starts": (("mse", "ssim", "max"), {"starts": 2}),
    "stored progress": (("mse", "ssim", "max"), {"store_progress": 4}),
    "float64": (("mse", "ssim", "max"), {"dtype": torch.float64}),
    "penalty": (("mse", "ssim", "max"), {"penalty": "total_variation"}),
    "penalty method": (("mse", "ssim", "max"), {"solver": "penalty"}),
}


@pytest.fixture(params=["simulated", pytest.param("cuda", marks=pytest.mark.gpu)])
def take(request):
    """The function that brings a tensor to the device."""
    if request.param == "cuda":
        yield lambda images: images.to("cuda")
        return
    with simulated_device() as simulated:
        yield simulated


def test_views_that_wait_to_be_conjugated_or_negated_are():
    numbers = torch.fft.rfft2(IMAGE)
    with simulated_device() as simulated:
        there = simulated(numbers)
        power, imaginary = (there * there.conj()).real, there.conj().imag + 0.0
        found = power.tolist(), imaginary.tolist()
    torch.testing.assert_close(torch.tensor(found[0]), numbers.abs().square())
    torch.testing.assert_close(torch.tensor(found[1]), -numbers.imag)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize(("asked", "options"), ASKED.values(), ids=ASKED)
def test_agrees_with_the_processor(take, asked, options):
    image = take(IMAGE)
    result = madcore.synthesize(image, *asked, max_iter=8, **options)
    assert result.mad_image.device == image.device
    assert max(result.held_error.tolist()) <= 1e-6
    expected = madcore.synthesize(IMAGE, *asked, max_iter=8, **options)
    assert result.optimized_value.tolist() == pytest.approx(expected.optimized_value.tolist(), rel=1e-3)


@pytest.mark.usefixtures("unseen")
def test_quartets_agree_with_the_processor(take):
    quartets = [madcore.quartet(image, "ssim", "mse", max_iter=8) for image in (take(IMAGE[:1]), IMAGE[:1])]
    found, expected = ([each.optimized_value.tolist() for _, each in quartet.items()] for quartet in quartets)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)


def test_pictures_are_quantized_where_they_are(take):
    image = take(IMAGE)
    quantized = madcore.quantize(madcore.synthesize(image, "mse", "ssim", "max", max_iter=5))
    assert quantized.mad_image.device == image.device


@pytest.mark.gpu
@pytest.mark.parametrize("slow", [0.0, 1e9], ids=["momentum", "limited memory"])
@pytest.mark.parametrize("held", [("mse",), ("mse", "mae")], ids=["one held", "two held"])
def test_nobody_waits_for_the_gpu_between_two_looks(slow, held):
    metrics = tuple(madcore.create_metric(name) for name in held)
    problem = MADProblem.create(IMAGE.cuda(), madcore.create_metric("ssim"), metrics, signs("max", 2).cuda())
    start = NOISY.cuda().flatten(1)
    solver = madcore.LevelSet(momentum_steps=LOOK_EVERY, slow=slow)
    state = solver.init(problem, start, problem.held_values(start))
    for _ in range(LOOK_EVERY):
        state = solver.step(problem, state)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(LOOK_EVERY - 1):
            state = solver.step(problem, state)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert state.best_merit.isfinite().all()


@pytest.mark.gpu
def test_a_metric_that_torch_differentiates_agrees_with_the_processor():
    def metric(image, mad_image):
        return (image - mad_image).abs().add(1e-2).log().sub(1e-2).square().mean((1, 2, 3))

    found, expected = (
        madcore.synthesize(image, metric, "mse", "max", max_iter=8).optimized_value.tolist()
        for image in (IMAGE.cuda(), IMAGE)
    )
    assert found == pytest.approx(expected, rel=1e-3)
