"""MADCompetition: the same numbers as plenoptic's class, its life, and what it does better."""

import warnings

import plenoptic
import pytest
import torch
from torch.optim import LBFGS, SGD, Adam, lr_scheduler

import madcore
from madcore.errors import ContractError, InputError

SERIES = ("losses", "penalties", "optimized_metric_loss", "reference_metric_loss", "gradient_norm", "pixel_change_norm")
IMAGES = ("image", "initial_image", "mad_image", "saved_mad_image")
PLATEAU = {"factor": 0.5, "patience": 1, "threshold": 1.0, "threshold_mode": "abs"}


def mse(image, mad_image):
    return (image - mad_image).square().mean()


def mae(image, mad_image):
    return (image - mad_image).abs().mean()


def dissimilarity(image, mad_image):
    return 1 - plenoptic.metric.ssim(image, mad_image)


@pytest.fixture(scope="module")
def photograph():
    # float64, since a line search makes much of differences in the last place
    return plenoptic.data.einstein()[..., 96:136, 96:136].double()


@pytest.fixture
def grey():
    return torch.linspace(0.2, 0.8, 144).reshape(1, 1, 12, 12)


def competition(image, *, optimized=mse, reference=mae, minmax="max", tradeoff=10.0, **options):
    return madcore.MADCompetition(image, optimized, reference, minmax, tradeoff, **options)


def run_both(image, metrics, minmax, iterations, store_progress=2, **setup):
    """Run plenoptic's class and ours from one seed; return both with the next number of the generator after setup."""
    runs = []
    for kind in (plenoptic.MADCompetition, madcore.MADCompetition):
        torch.manual_seed(7)
        made = kind(image, *metrics, minmax, 2.0)
        made.setup(**{name: dict(value) if isinstance(value, dict) else value for name, value in setup.items()})
        following = torch.rand(1)
        made.synthesize(iterations, store_progress=store_progress)
        runs.append((made, following))
    return runs


def assert_same_run(theirs, ours):
    for name in (*SERIES, *IMAGES):
        expected, got = getattr(theirs, name), getattr(ours, name)
        torch.testing.assert_close(
            got, expected.detach() if name == "saved_mad_image" else expected, rtol=1e-5, atol=1e-7
        )


@pytest.mark.filterwarnings("ignore:Image range falls outside:UserWarning")
@pytest.mark.parametrize("minmax", ["min", "max"])
@pytest.mark.parametrize(
    ("iterations", "setup"),
    [
        (20, {}),
        (20, {"initial_noise": 0.3, "optimizer_kwargs": {"lr": 0.02}}),
        (20, {"optimizer": SGD, "optimizer_kwargs": {"lr": 5.0, "momentum": 0.9}}),
        (20, {"optimizer": Adam, "scheduler": lr_scheduler.StepLR, "scheduler_kwargs": {"step_size": 4}}),
        (20, {"scheduler": lr_scheduler.ReduceLROnPlateau, "scheduler_kwargs": PLATEAU}),
        (5, {"optimizer": LBFGS}),
        (5, {"optimizer": LBFGS, "optimizer_kwargs": {"lr": 1.0, "max_iter": 4, "line_search_fn": "strong_wolfe"}}),
    ],
    ids=["Adam", "noise", "SGD", "StepLR", "ReduceLROnPlateau", "LBFGS", "strong Wolfe"],
)
def test_gives_the_numbers_of_plenoptic(photograph, minmax, iterations, setup):
    metrics = (dissimilarity, plenoptic.metric.mse)
    (theirs, their_next), (ours, our_next) = run_both(photograph, metrics, minmax, iterations, **setup)
    assert their_next == our_next
    assert_same_run(theirs, ours)


def test_plateau_scheduler_gets_the_loss(grey):
    made = competition(grey)
    made.setup(scheduler=lr_scheduler.ReduceLROnPlateau, scheduler_kwargs=PLATEAU)
    made.synthesize(8)
    assert made.optimizer.param_groups[0]["lr"] < 0.01
    assert made.scheduler.best in made.losses.tolist()


@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (1, 3, 16, 16), (1, 5, 16, 16)])
def test_gives_the_numbers_of_plenoptic_for_batches_and_channels(shape):
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    (theirs, _), (ours, _) = run_both(image, (mse, mae), "max", 10)
    assert_same_run(theirs, ours)


def test_balances_the_metrics_as_plenoptic_does(photograph):
    found = []
    for kind in (plenoptic.MADCompetition, madcore.MADCompetition):
        torch.manual_seed(0)
        with pytest.warns(UserWarning, match="automatically set|was None"):
            made = kind(photograph, dissimilarity, plenoptic.metric.mse, "min")
        found.append((made.metric_tradeoff_lambda, torch.rand(1).item()))
    assert found[0] == found[1]


def test_unbalanceable_metrics_are_an_error(grey):
    with pytest.raises(InputError, match="give metric_tradeoff_lambda"):
        competition(grey, reference=lambda image, mad_image: mse(image, mad_image) * 0, tradeoff=None)


def test_objective_is_the_documented_formula(grey):
    made = competition(grey, minmax="max", tradeoff=3.0, penalty_lambda=0.5)
    assert made.objective_function().numel() == 0
    made.setup(0.4)
    level = mae(grey, made.initial_image)
    other = torch.rand_like(grey) * 1.4 - 0.2
    outside = (other - other.clamp(0, 1)).square().sum()
    expected = -mse(grey, other) + 3 * (level - mae(grey, other)) ** 2 + 0.5 * outside
    torch.testing.assert_close(made.objective_function(other), expected)
    torch.testing.assert_close(made.objective_function(grey, grey), 3 * level**2)
    torch.testing.assert_close(made.objective_function(), made.losses[-1])


@pytest.mark.parametrize("shape", [(12, 12), (3, 12, 12), (2, 2, 12, 12), (1, 1, 3, 12, 12)])
def test_takes_two_to_five_dimensions_without_a_warning(shape):
    made = competition(torch.rand(shape))
    made.synthesize(3)
    assert made.mad_image.shape == shape


def test_accepts_results_with_one_element_of_any_shape(grey):
    batch = grey.expand(3, 1, 12, 12).contiguous()
    made = competition(batch, optimized=lambda *pair: mse(*pair).reshape(1, 1))
    made.synthesize(2)
    assert made.losses.shape == (3,)


def test_is_empty_before_setup(grey):
    made = competition(grey)
    for name in ("mad_image", "saved_mad_image", *SERIES):
        assert getattr(made, name).numel() == 0
    assert made.initial_image is made.optimizer is made.scheduler is made.store_progress is None


@pytest.mark.parametrize("store_progress", [False, 0, True, 1, 2, 3])
def test_histories_have_the_documented_lengths(grey, store_progress):
    made = competition(grey)
    made.synthesize(7, store_progress=store_progress)
    assert {len(getattr(made, name)) for name in SERIES[:4]} == {8}
    assert len(made.gradient_norm) == len(made.pixel_change_norm) == 7
    kept = range(0, 7, store_progress) if store_progress else ()
    assert len(made.saved_mad_image) == len(kept) + 1
    assert made.store_progress == store_progress
    torch.testing.assert_close(made.saved_mad_image[-1], made.mad_image.detach())
    for index, iteration in enumerate(kept):
        torch.testing.assert_close(made.objective_function(made.saved_mad_image[index]), made.losses[iteration])


def test_synthesize_goes_on_where_it_stopped(grey):
    runs = []
    for parts in ((6,), (2, 1, 3)):
        torch.manual_seed(1)
        made = competition(grey)
        for iterations in parts:
            made.synthesize(iterations, store_progress=2)
        runs.append(made)
    assert_same_run(*runs)


def test_store_progress_cannot_change(grey):
    made = competition(grey)
    made.synthesize(2, store_progress=True)
    made.synthesize(2, store_progress=1)
    with pytest.raises(ValueError, match="store_progress was 1"):
        made.synthesize(2, store_progress=2)
    with pytest.raises(ValueError, match="0 or more"):
        made.store_progress = -1


def test_setup_happens_once(grey):
    made = competition(grey)
    made.setup()
    with pytest.raises(ValueError, match="once"):
        made.setup()
    fresh = competition(grey)
    fresh.synthesize(1)
    with pytest.raises(ValueError, match="once"):
        fresh.setup()


def test_setup_that_fails_can_be_repeated(grey):
    made = competition(grey)
    with pytest.raises(TypeError):
        made.setup(optimizer_kwargs={"no_such_option": 1})
    made.setup()
    assert made.mad_image.shape == grey.shape


def test_setup_leaves_the_arguments_of_the_caller_alone(grey):
    given = {"betas": (0.9, 0.99)}
    made = competition(grey)
    made.setup(optimizer_kwargs=given)
    assert given == {"betas": (0.9, 0.99)}
    assert made.optimizer.param_groups[0]["lr"] == 0.01
    assert made.optimizer.param_groups[0]["amsgrad"]


def test_stops_when_the_loss_has_converged(grey):
    counts = []
    for kind in (plenoptic.MADCompetition, madcore.MADCompetition):
        torch.manual_seed(0)
        made = kind(grey, mse, mae, "min", 10.0)
        with pytest.warns(UserWarning, match="Loss has converged"):
            made.synthesize(200, stop_criterion=1e-3, stop_iters_to_check=5)
        counts.append(len(made.losses))
    assert counts[0] == counts[1] < 200


def test_nan_is_an_error_that_leaves_the_image_as_it_was(grey):
    calls = []

    def breaks(image, mad_image):
        calls.append(1)
        return mse(image, mad_image) * (float("nan") if len(calls) > 25 else 1)

    made = competition(grey, optimized=breaks)
    with pytest.raises(ValueError, match="NaN"):
        made.synthesize(10)
    assert made.mad_image.isfinite().all()
    assert 0 < len(made.gradient_norm) == len(made.losses) - 1


def test_a_metric_without_a_gradient_is_an_error(grey):
    made = competition(grey, reference=lambda image, mad_image: mae(image, mad_image.detach()))
    with pytest.raises(ContractError, match="reference metric has no gradient"):
        made.synthesize(1)


def test_an_optimizer_that_ignores_its_closure_is_an_error(grey):
    class Idle(SGD):
        def step(self, closure=None):
            return None

    made = competition(grey)
    made.setup(optimizer=Idle)
    with pytest.raises(InputError, match="Idle must evaluate the closure"):
        made.synthesize(1)


@pytest.mark.parametrize("store_progress", [False, 1, 2, 3])
def test_get_progress_is_that_of_plenoptic(photograph, store_progress):
    (theirs, _), (ours, _) = run_both(photograph, (mse, mae), "max", 10, store_progress)
    for iteration in (None, *range(-11, 11)):
        for selection in ("floor", "ceiling", "round"):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                expected = theirs.get_progress(iteration, selection)
                their_warnings = len(caught)
                got = ours.get_progress(iteration, selection)
            assert len(caught) == 2 * their_warnings
            torch.testing.assert_close(got, {name: expected[name] for name in got}, rtol=1e-5, atol=1e-7)
            assert got.keys() == expected.keys()


def test_get_progress_warns_if_the_image_is_of_another_iteration(grey):
    made = competition(grey)
    made.synthesize(6, store_progress=2)
    with pytest.warns(UserWarning, match="of iteration 4: iteration 3"):
        progress = made.get_progress(3, "ceiling")
    assert progress["store_progress_iteration"] == 4
    torch.testing.assert_close(progress["saved_mad_image"], made.saved_mad_image[2])


@pytest.mark.parametrize("iteration", [7, -8])
def test_get_progress_outside_the_run_is_an_index_error(grey, iteration):
    made = competition(grey)
    made.synthesize(6)
    with pytest.raises(IndexError, match="does not exist"):
        made.get_progress(iteration)


def test_get_progress_names_the_allowed_selections(grey):
    made = competition(grey)
    made.synthesize(2, store_progress=2)
    with pytest.raises(InputError, match="floor, ceiling, round"):
        made.get_progress(1, "nearest")


@pytest.mark.parametrize("optimizer", [Adam, LBFGS])
def test_to_takes_the_state_of_the_optimizer_with_it(grey, optimizer):
    made = competition(grey)
    made.setup(optimizer=optimizer)
    made.synthesize(3, store_progress=True)
    before = made.mad_image.detach().clone()
    assert made.to(torch.float64) is made
    made.synthesize(3, store_progress=True)
    assert made.optimizer.param_groups[0]["params"][0] is made.mad_image
    assert {getattr(made, name).dtype for name in (*SERIES, *IMAGES)} == {torch.float64}
    assert (made.mad_image - before).abs().max() > 0
    floating = [
        value for value in made.optimizer.state[made.mad_image].values() if torch.is_tensor(value) and value.ndim
    ]
    assert floating
    assert {value.dtype for value in floating} == {torch.float64}


def test_to_goes_on_as_if_nothing_had_happened(grey):
    runs = []
    for moved in (False, True):
        torch.manual_seed(2)
        made = competition(grey)
        made.synthesize(4)
        if moved:
            made.to(torch.float64).to(torch.float32)
        made.synthesize(4)
        runs.append(made)
    assert_same_run(*runs)


def test_to_moves_modules_and_refuses_integers(grey):
    class Weighted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.ones(12))

        def forward(self, image, mad_image):
            return ((image - mad_image) * self.weight).square().mean()

    metric = Weighted()
    made = competition(grey, optimized=metric).to(torch.float64)
    assert metric.weight.dtype == torch.float64
    with pytest.raises(TypeError):
        made.to(torch.int64)


def test_metrics_and_penalties_may_be_names(photograph):
    made = competition(photograph, optimized="ssim", reference="mse", penalty_function="total_variation", minmax="min")
    made.synthesize(3)
    level = madcore.create_metric("mse")(photograph, made.initial_image)
    torch.testing.assert_close(made.reference_metric_loss[:1], level)
    assert "optimized_metric = ssim" in repr(made)
    assert "penalty_function = total_variation" in repr(made)


def test_a_named_metric_needs_single_images(photograph):
    with pytest.raises(ContractError, match=r"madcore\.synthesize"):
        competition(photograph.expand(2, -1, -1, -1), optimized="ssim")


@pytest.mark.gpu
def test_moves_to_a_gpu_and_back(grey):
    made = competition(grey)
    made.synthesize(3, store_progress=True)
    made.to("cuda")
    made.synthesize(3, store_progress=True)
    assert made.mad_image.is_cuda
    assert not made.saved_mad_image.is_cuda
    assert not made.losses.is_cuda
    made.to("cpu").synthesize(3, store_progress=True)
    assert len(made.losses) == 10


def test_describes_itself_and_its_progress_in_the_words_and_order_of_plenoptic(photograph):
    theirs, ours = (made for made, _ in run_both(photograph, (mse, mae), "max", 3))
    assert repr(ours) == repr(theirs)
    assert list(ours.get_progress(2)) == list(theirs.get_progress(2))


@pytest.mark.parametrize(("interval", "error"), [("often", TypeError), (None, TypeError), (-1, InputError)])
def test_refuses_an_interval_that_is_none(grey, interval, error):
    with pytest.raises(error, match="store_progress must be a bool") as caught:
        competition(grey).synthesize(1, store_progress=interval)
    assert isinstance(caught.value, InputError)
