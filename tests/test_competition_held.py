"""The competition with an infinite trade-off: the constraint instead of a soft penalty."""

import functools
import math

import pytest
import torch
from pictures import wave_picture

import madcore
from madcore.penalties import penalize_range

IMAGE = wave_picture(24, 24, 1).float()


def competition(minmax="max", image=IMAGE, **options):
    torch.manual_seed(0)
    return madcore.MADCompetition(image, "ssim", "mse", minmax, metric_tradeoff_lambda=math.inf, **options)


@pytest.mark.parametrize("minmax", ["min", "max"])
def test_holds_and_moves(minmax):
    mad = competition(minmax)
    mad.synthesize(max_iter=40, store_progress=True, stop_criterion=0)
    level = mad.reference_metric_loss[0]
    assert (mad.reference_metric_loss / level - 1).abs().max() <= 1e-2
    assert mad.reference_metric_loss[-1].item() == pytest.approx(level.item(), rel=2e-6)
    moved = mad.optimized_metric_loss[-1] - mad.optimized_metric_loss[0]
    assert (moved < 0) if minmax == "min" else (moved > 0)
    assert mad.saved_mad_image.min() >= 0
    assert mad.saved_mad_image.max() <= 1
    assert len(mad.losses) == 41
    assert mad.optimizer is None


def test_loss_is_the_optimized_metric_alone():
    mad = competition("max")
    mad.synthesize(max_iter=10)
    torch.testing.assert_close(mad.losses, -mad.optimized_metric_loss, rtol=1e-5, atol=1e-6)
    assert mad.objective_function().item() == pytest.approx(mad.losses[-1].item(), rel=1e-5)


def test_pixels_stay_in_the_penaltys_range():
    image = 0.3 + 0.4 * IMAGE
    mad = competition("max", image, penalty_function=functools.partial(penalize_range, allowed_range=(0.2, 0.8)))
    mad.synthesize(max_iter=20)
    assert mad.mad_image.min() >= 0.2
    assert mad.mad_image.max() <= 0.8


def test_an_optimizer_is_refused():
    with pytest.raises(ValueError, match="give no optimizer"):
        competition().setup(optimizer=torch.optim.SGD)


def test_saved_and_loaded_run_goes_on_bit_for_bit(tmp_path):
    whole = competition()
    whole.synthesize(max_iter=40, stop_criterion=0)
    half = competition()
    half.synthesize(max_iter=20, stop_criterion=0)
    half.save(tmp_path / "half.pt")
    resumed = competition()
    resumed.load(tmp_path / "half.pt")
    for mad in (half, resumed):
        mad.synthesize(max_iter=20, stop_criterion=0)
        assert torch.equal(mad.mad_image, half.mad_image)
    assert torch.equal(half.mad_image, whole.mad_image)


def test_the_state_of_another_version_is_refused(tmp_path):
    mad = competition()
    mad.synthesize(max_iter=3)
    mad.save(tmp_path / "mad.pt")
    contents = torch.load(tmp_path / "mad.pt", weights_only=True)
    state = next(
        each["level_set"]["state"] for each in contents.values() if isinstance(each, dict) and "level_set" in each
    )
    del state["fields"]["bend"]
    torch.save(contents, tmp_path / "mad.pt")
    resumed = competition()
    resumed.load(tmp_path / "mad.pt")
    with pytest.raises(madcore.InputError, match="another version of the level-set solver"):
        resumed.synthesize(max_iter=3)


def test_moves_to_another_type():
    mad = competition()
    mad.synthesize(max_iter=15)
    mad.to(torch.float64)
    mad.synthesize(max_iter=15)
    assert mad.mad_image.dtype == torch.float64
    assert mad.reference_metric_loss[-1].item() == pytest.approx(mad.reference_metric_loss[0].item(), rel=1e-5)


def test_any_shape():
    torch.manual_seed(0)
    image = torch.rand(7, 9)
    mad = madcore.MADCompetition(
        image,
        lambda first, second: (first - second).abs().mean(),
        lambda first, second: (first - second).square().mean(),
        "max",
        metric_tradeoff_lambda=math.inf,
    )
    mad.synthesize(max_iter=30)
    assert mad.mad_image.shape == image.shape
    assert mad.optimized_metric_loss[-1] > mad.optimized_metric_loss[0]
