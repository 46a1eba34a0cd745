"""The public verbs: what they hold, what they refuse, and that runs are values."""

import math

import pytest
import torch
from pictures import pair, wave_picture

import madcore
from madcore.fours import four_fit
from madcore.levels import quartet_levels
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet
from madcore.solvers.levels import held_error
from madcore.synthesis import run_solver

IMAGE = wave_picture(24, 24, 1)
BOTH = torch.cat(pair(24, 24, 1))
FAST = {"max_iter": 30}


def l2(image, mad_image):
    return (mad_image - image).square().flatten(1).sum(1)


def problem_of(image, optimized, held, minmax):
    metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
    problem = MADProblem.create(image, *metrics, signs(minmax, len(image)))
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(image.shape, generator=generator, dtype=image.dtype)
    start = problem.bounds.clamp((image + 0.1 * noise).flatten(1))
    return problem, start, problem.held_values(start)


@pytest.mark.parametrize("minmax", ["min", "max"])
def test_moves_the_right_way_and_holds(minmax):
    result = madcore.synthesize(IMAGE, "ssim", "mse", minmax, **FAST)
    moved = result.optimized_value - result.initial_value
    assert (moved < 0) if minmax == "min" else (moved > 0)
    assert result.held_error.item() <= 1e-6
    assert madcore.create_metric("mse")(IMAGE, result.mad_image).item() == pytest.approx(result.level.item(), rel=1e-6)


def test_float32_photograph_is_finished_in_float64():
    image = wave_picture(256, 256, 1).float()
    result = madcore.synthesize(image, "ssim", "mse", "max", max_iter=30)
    assert result.mad_image.dtype == torch.float32
    assert result.precision == torch.float64
    value = madcore.create_metric("mse")(image.double(), result.mad_image.double())
    assert abs(value / result.level[0] - 1).item() <= 1e-6


def test_every_iterate_is_near_the_level_and_inside():
    problem, start, level = problem_of(IMAGE, "ssim", "mse", "max")
    seen = []

    def look(state):
        seen.append(held_error(problem, problem.held_values(state.point), level).item())
        assert state.point.min() >= 0
        assert state.point.max() <= 1

    run_solver(problem, LevelSet(), start, level, max_iter=60, on_step=look)
    assert len(seen) >= 20
    assert max(seen) <= 1e-2


def test_batch_equals_singles():
    images = torch.cat([wave_picture(24, 24, 1), wave_picture(24, 24, 3)[:, 1:2], pair(24, 24, 1)[1]])
    batch, start, level = problem_of(images, "ssim", "mse", "min")
    together = run_solver(batch, LevelSet(), start, level, max_iter=29).best
    for index in range(3):
        one = batch.take(torch.tensor([index]))
        alone = run_solver(one, LevelSet(), start[index : index + 1], level[index : index + 1], max_iter=29).best
        torch.testing.assert_close(together[index : index + 1], alone, rtol=0, atol=1e-9)


def test_resumed_run_equals_uninterrupted_run_bit_for_bit():
    problem, start, level = problem_of(IMAGE, "ssim", "mse", "min")
    whole = run_solver(problem, LevelSet(), start, level, max_iter=40)
    half = run_solver(problem, LevelSet(), start, level, max_iter=20)
    resumed = run_solver(problem, LevelSet(), start, level, max_iter=20, run=half)
    assert torch.equal(whole.best, resumed.best)
    assert torch.equal(whole.trace().optimized, resumed.trace().optimized)


def test_same_seed_same_bits():
    first, second = (madcore.synthesize(IMAGE, "ssim", "mae", "max", seed=3, **FAST) for _ in range(2))
    other = madcore.synthesize(IMAGE, "ssim", "mae", "max", seed=4, **FAST)
    assert torch.equal(first.mad_image, second.mad_image)
    assert not torch.equal(first.mad_image, other.mad_image)


def test_two_metrics_held():
    result = madcore.synthesize(IMAGE, "ssim", ["mse", "mae"], "max", max_iter=60)
    assert result.reference_value.shape == (1, 2)
    assert result.held_error.item() <= 1e-6
    assert result.optimized_value > result.initial_value


def test_three_metrics_held_and_one_twice():
    result = madcore.synthesize(IMAGE, "ssim", ["mse", "mae", l2], "min", max_iter=40)
    assert result.held_error.item() <= 1e-6
    assert result.optimized_value < result.initial_value


def test_a_start_that_missed_the_levels_may_end_on_them():
    image = madcore.read_image("dead_leaves", size=64)

    def largest_error(image, mad_image):
        return (mad_image - image).abs().flatten(1).amax(1)

    result = madcore.synthesize(image, largest_error, ["mse", "mae"], "min", starts=2, max_iter=60)
    assert result.held_error.item() <= result.tolerance
    assert result.status[0] != "infeasible level"


def test_mean_luminance_kept():
    result = madcore.synthesize(IMAGE, "ssim", "mse", "min", keep_mean=True, max_iter=60)
    assert abs(result.mad_image.mean() - IMAGE.mean()).item() <= 1e-6
    assert result.held_error.item() <= 1e-6
    assert result.optimized_value < result.initial_value


def test_given_levels_of_two_metrics():
    mse = 0.01
    mae = 0.07
    result = madcore.synthesize(IMAGE, "ssim", ["mse", "mae"], "max", level=[mse, mae], **FAST)
    assert result.reference_value[0].tolist() == pytest.approx([mse, mae], rel=1e-6)


def test_impossible_levels_of_two_metrics():
    # the mean absolute error cannot exceed the root of the mean squared error
    with pytest.raises(madcore.LevelError, match=r"the closest has 0\.\d{1,6}, 0\.\d{1,6}: choose"):
        madcore.synthesize(IMAGE, "ssim", ["mse", "mae"], "max", level=[0.01, 0.2], **FAST)


def test_bounds_are_as_precise_as_the_images():
    # in float32, 0.7 is a little less and 0.3 a little more
    image = (0.3 + 0.4 * IMAGE.double()).clamp(0.3, 0.7)
    result = madcore.synthesize(image, "mse", "mae", "max", pixel_range=(0.3, 0.7), **FAST)
    assert result.mad_image.min() == 0.3
    assert result.mad_image.max() == 0.7


def test_tensors_of_one_element_are_one_range_for_all_pixels():
    one = madcore.synthesize(IMAGE, "ssim", "mse", "max", pixel_range=(IMAGE.min(), torch.tensor([1.0])), **FAST)
    same = madcore.synthesize(IMAGE, "ssim", "mse", "max", pixel_range=(IMAGE.min().item(), 1.0), **FAST)
    assert [bound.numel() for bound in one.pixel_range] == [1, 1]  # which the compiled solver needs
    assert torch.equal(one.mad_image, same.mad_image)


@pytest.mark.parametrize(
    "given",
    [
        {"initial_image": IMAGE.flip(-1)},
        {"level": torch.tensor(0.05)},
        {"pixel_range": (torch.tensor(0.0), torch.ones(24))},
    ],
    ids=lambda given: next(iter(given)),
)
def test_tensors_that_want_gradients_are_taken_without(given):
    def wanting(value):
        return tuple(map(wanting, value)) if isinstance(value, tuple) else value.clone().requires_grad_()

    plain = madcore.synthesize(IMAGE, "mse", "ssim", "max", **given, **FAST)
    same = madcore.synthesize(
        wanting(IMAGE), "mse", "ssim", "max", **{name: wanting(value) for name, value in given.items()}, **FAST
    )
    assert torch.equal(same.mad_image, plain.mad_image)
    assert not same.mad_image.requires_grad


def test_mask_keeps_pixels_exactly():
    mask = torch.zeros(24, 24)
    mask[:, :12] = 1
    result = madcore.synthesize(IMAGE, "ssim", "mse", "max", mask=mask, **FAST)
    assert torch.equal(result.mad_image[..., :12], IMAGE[..., :12])
    assert not torch.equal(result.mad_image[..., 12:], IMAGE[..., 12:])
    assert result.held_error.item() <= 1e-6


def test_pixel_range_reaches_the_metric():
    small = madcore.synthesize(IMAGE, "ssim", "mse", "max", level=0.005, **FAST)
    large = madcore.synthesize(255 * IMAGE, "ssim", "mse", "max", level=0.005 * 255**2, pixel_range=(0, 255), **FAST)
    assert large.mad_image.max() <= 255
    assert large.initial_value.item() == pytest.approx(small.initial_value.item(), rel=1e-9)


def test_pixels_may_begin_below_zero():
    image = IMAGE.double()
    plain, other = (
        madcore.synthesize(2 * image - 1 if low else image, "ssim", "mse", "max", pixel_range=(low, 1), **FAST)
        for low in (0, -1)
    )
    assert other.optimized_value.item() == pytest.approx(plain.optimized_value.item(), rel=1e-6)
    torch.testing.assert_close((other.mad_image + 1) / 2, plain.mad_image, rtol=0, atol=1e-4)


def test_bounds_inside_the_usual_range_only_forbid_a_part_of_it():
    image = 0.3 + 0.4 * IMAGE
    result = madcore.synthesize(image, "ssim", "mse", "max", pixel_range=(0.25, 0.75), **FAST)
    expected = madcore.create_metric("ssim")(image, result.initial_image)
    torch.testing.assert_close(result.initial_value, expected)


def test_ranges_of_single_pixels_do_not_tell_metrics_theirs():
    image = 255 * BOTH
    metric = madcore.create_metric("ssim").for_range(0, 255)
    balls = (image - 16, image + 16)
    start = image + 3
    both = madcore.synthesize(image, metric, "mse", "min", pixel_range=balls, initial_image=start, **FAST)
    unbounded = (-math.inf, math.inf)
    free = madcore.synthesize(image, metric, "mse", "min", pixel_range=unbounded, initial_image=start, **FAST)
    expected = metric(image, start)
    torch.testing.assert_close(both.initial_value, expected)
    torch.testing.assert_close(free.initial_value, expected)


def test_penalty_smooths():
    plain = madcore.synthesize(IMAGE, "ssim", "mse", "max", **FAST)
    smooth = madcore.synthesize(IMAGE, "ssim", "mse", "max", penalty="total_variation", penalty_lambda=10.0, **FAST)
    variation = madcore.create_penalty("total_variation")
    assert variation(smooth.mad_image) < variation(plain.mad_image)


def test_each_image_leaves_momentum_when_it_slows_as_it_does_alone():
    solver = LevelSet(momentum_steps=12, slow=1e-2)
    problem, start, level = problem_of(BOTH, "ssim", "mse", "max")
    taken_over = []
    together = run_solver(
        problem, solver, start, level, max_iter=30, on_step=lambda state: taken_over.append(state.quasi)
    )
    first = torch.stack(taken_over).int().argmax(0)
    assert 12 <= first[1] < first[0]
    assert torch.stack(taken_over)[first.max() :].all()
    for index in (torch.tensor([0]), torch.tensor([1])):
        alone = run_solver(problem.take(index), solver, start[index], level[index], max_iter=30)
        torch.testing.assert_close(together.best[index], alone.best, rtol=0, atol=1e-9)


def test_several_starts_keep_the_best():
    result = madcore.synthesize(IMAGE, "mse", "ssim", "max", starts=4, **FAST)
    assert result.start_values.shape == (1, 4)
    assert result.optimized_value.item() == pytest.approx(result.start_values.nan_to_num(0).max().item())


def test_every_start_holds_the_level_of_the_first():
    one, many = (madcore.synthesize(IMAGE, "mse", "ssim", "max", starts=starts, **FAST) for starts in (1, 5))
    assert many.level.item() == pytest.approx(one.level.item(), rel=1e-9)


def test_noise_level_does_not_depend_on_the_start():
    plain = madcore.synthesize(IMAGE, "ssim", "mse", "min", level="noise:0.05", **FAST)
    louder = madcore.synthesize(IMAGE, "ssim", "mse", "min", level="noise:0.05", initial_noise=0.2, **FAST)
    given = madcore.synthesize(IMAGE, "ssim", "mse", "min", level="noise:0.05", initial_image=1 - IMAGE, **FAST)
    assert louder.level.item() == pytest.approx(plain.level.item(), rel=1e-9)
    assert given.level.item() == pytest.approx(plain.level.item(), rel=1e-9)


def test_quartet_names_and_levels():
    quartet = madcore.quartet(IMAGE, "ssim", "mse", level={"mse": 0.01, "ssim": 0.5}, **FAST)
    assert list(quartet) == ["a_min", "a_max", "b_min", "b_max"]
    assert quartet["a_min"].level.item() == pytest.approx(0.01)
    assert quartet["b_max"].level.item() == pytest.approx(0.5)
    assert quartet["b_min"].optimized_value < quartet["b_max"].optimized_value
    assert "ssim" in str(quartet)


FOURFOLD = pytest.mark.parametrize(
    "options",
    [
        {},
        {"level": {"mse": 0.01, "ssim": 0.5}, "keep_mean": True},
        {"level": ["noise:0.05", "noise:0.1"], "seed": [3, 4], "initial_noise": [0.05, 0.1]},
        {"level": (torch.tensor([0.3, 0.5]), 0.01), "initial_image": 1 - BOTH, "penalty": "total_variation"},
        {"mask": torch.arange(24) < 8, "pixel_range": (torch.zeros(2, 1, 24, 24), 1.0), "starts": 2},
        {"starts": 4},
    ],
)


@pytest.fixture
def only_together(monkeypatch):
    """Let no quartet be tried one by one: what fails together would go unseen."""
    monkeypatch.setattr("madcore.api._one_by_one", lambda *_: pytest.fail("the four did not run together"))


@FOURFOLD
def test_quartet_is_four_syntheses(options, only_together):
    image = BOTH
    options = dict(options)
    level = options.pop("level", None)
    levels = quartet_levels(level, madcore.create_metric("ssim"), madcore.create_metric("mse"))
    assert four_fit(image, None)
    told = {}
    quartet = madcore.quartet(image, "ssim", "mse", level=level, on_result=told.__setitem__, **options, max_iter=20)
    assert told == quartet.results
    for name, found in quartet.items():
        optimized, held, held_level = ("ssim", "mse", levels[1]) if name[0] == "a" else ("mse", "ssim", levels[0])
        alone = madcore.synthesize(image, optimized, held, name[2:], level=held_level, **options, max_iter=20)
        assert (found.minmax, found.optimized_metric, found.reference_metrics[0].name, found.settings) == (
            (alone.minmax, alone.optimized_metric, held, alone.settings)
        )
        for field in ("image", "initial_image", "level", "mad_image", "optimized_value", "reference_value"):
            torch.testing.assert_close(getattr(found, field), getattr(alone, field), rtol=1e-8, atol=1e-8)
        assert found.status == alone.status
        assert found.trace.optimized.shape[1] == 2


def test_quartet_holds_levels_of_different_kinds():
    quartet = madcore.quartet(IMAGE, "ssim", "mse", level=("noise:0.05", 0.01), **FAST)
    noisy = madcore.synthesize(IMAGE, "mse", "ssim", "min", level="noise:0.05", **FAST)
    assert quartet["a_min"].level.item() == pytest.approx(0.01)
    assert quartet["b_min"].level.item() == pytest.approx(noisy.level.item())


@pytest.mark.parametrize("error", [RuntimeError("one image at a time"), MemoryError(), torch.OutOfMemoryError()])
def test_quartet_is_one_by_one_where_a_metric_takes_one_image(error):
    def one_only(image, mad_image):
        if len(image) > 1:
            raise error
        return l2(image, mad_image)

    quartet = madcore.quartet(IMAGE, "ssim", one_only, **FAST)
    assert len(quartet.results) == 4


def test_quartet_says_which_level_is_not_reachable():
    with pytest.raises(madcore.LevelError, match=r"level 4 of mse is not reachable.*0 to 0\.\d+ is"):
        madcore.quartet(IMAGE, "mse", "ssim", level={"mse": 4.0, "ssim": 0.3})


@pytest.mark.parametrize("level", [0.01, torch.tensor(0.01)])
def test_quartet_asks_for_a_level_of_each_metric(level):
    with pytest.raises(madcore.InputError, match=r"each metric, as in {'ssim': 0.1, 'mse': 0.2}; got "):
        madcore.quartet(IMAGE, "ssim", "mse", level=level)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_iter": 0},
        {"tolerance": 2.0},
        {"starts": 0},
        {"penalty_lambda": -1.0},
        {"store_progress": 2.5},
        {"store_progress": True},
    ],
)
def test_quartet_refuses_the_numbers_that_synthesize_refuses(wrong):
    for verb in (madcore.quartet, lambda *arguments, **options: madcore.synthesize(*arguments, "min", **options)):
        with pytest.raises(madcore.InputError, match=next(iter(wrong))):
            verb(IMAGE, "ssim", "mse", **wrong)


def test_quartet_passes_on_what_progress_raises():
    calls = []

    def lose_connection(progress):
        calls.append(progress)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        madcore.quartet(IMAGE, "ssim", "mse", progress=lose_connection, **FAST)
    assert len(calls) == 1


def test_stopping_a_quartet_that_runs_together_keeps_all_four(only_together):
    quartet = madcore.quartet(IMAGE, "ssim", "mse", progress=lambda progress: True, max_iter=100)
    assert [result.status for _, result in quartet.items()] == [(madcore.Status.INTERRUPTED,)] * 4


def test_stopping_a_quartet_that_runs_one_by_one_keeps_the_first():
    image = wave_picture(256, 256, 1)
    assert not four_fit(image, None)
    quartet = madcore.quartet(image, "ssim", "mse", progress=lambda progress: True, max_iter=20)
    assert list(quartet) == ["a_min"]


def test_equivalent_noise_is_the_mean_over_seeds():
    result = madcore.synthesize(IMAGE, "ssim", "mse", "min", level="equivalent_noise:0.05", **FAST)
    assert result.level.item() == pytest.approx(0.05**2, rel=0.1)


def test_progress_can_stop_the_run():
    told = []

    def stop(progress):
        told.append(progress.evaluations)
        return True

    result = madcore.synthesize(IMAGE, "ssim", "mse", "min", progress=stop, max_iter=100)
    assert told == [10]
    assert result.status == (madcore.Status.INTERRUPTED,)
    assert result.held_error.item() <= 1e-6


def test_penalty_method_takes_optimizers_with_a_closure():
    solver = madcore.PenaltyMethod(optimizer="LBFGS", options={"line_search_fn": "strong_wolfe"})
    result = madcore.synthesize(IMAGE, "ssim", "mse", "min", solver=solver, max_iter=4)
    assert result.held_error <= 1e-6
    assert result.optimized_value < 0.5 * result.initial_value
    assert result.evaluations > 5
    with pytest.raises(madcore.InputError, match="LBFGS takes one image at a time; got 2"):
        madcore.synthesize(IMAGE.repeat(2, 1, 1, 1), "ssim", "mse", "min", solver=solver, max_iter=4)


def test_penalty_method_ends_on_the_level():
    result = madcore.synthesize(IMAGE, "ssim", "mse", "max", solver="penalty", max_iter=50)
    assert result.held_error.item() <= 1e-6
    assert result.optimized_value > result.initial_value


def test_unreachable_level_states_the_range():
    with pytest.raises(madcore.LevelError, match=r"level 4 of mse is not reachable.*0 to 0\.\d+ is"):
        madcore.synthesize(IMAGE, "ssim", "mse", "min", level=4.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": -1.0}, "level must be positive"),
        ({"level": [0.1, 0.2]}, "one value for each of the 1 held"),
        ({"level": torch.ones(3)}, "one number or one for each"),
        ({"level": "loud:3"}, "noise:S"),
        ({"level": {"mse": 0.01}}, "number or tensor for each held metric"),
        ({"initial_image": IMAGE.numpy()}, "floating-point tensor; got ndarray"),
        ({"initial_image": IMAGE.byte()}, "floating-point tensor; got torch.uint8"),
        ({"initial_noise": "much"}, "got much"),
        ({"seed": "a"}, "one number or one for each of the 1 images; got 'a'"),
        ({"mask": IMAGE.numpy()}, "mask must be a tensor"),
        ({"max_iter": "many"}, "max_iter must be a number"),
        ({"device": "tpu0"}, "device must be one that this machine has"),
        ({"initial_image": IMAGE}, "equals the reference"),
        ({"initial_image": IMAGE + 1}, "inside the pixel range"),
        ({"initial_image": IMAGE[..., 1:]}, "shape of image"),
        ({"initial_noise": 0.0}, "positive"),
        ({"pixel_range": (1.0, 0.0)}, "smaller bound first"),
        ({"pixel_range": (0.4, 0.5)}, "inside pixel_range"),
        ({"mask": torch.ones(1)}, "nothing is left"),
        ({"starts": 0}, "starts"),
        ({"max_iter": 0}, "max_iter"),
        ({"max_iter": 2.5}, "max_iter must be a whole number from 1; got 2.5"),
        ({"starts": 1.5}, "starts must be a whole number from 1; got 1.5"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"penalty_lambda": -1.0}, "penalty_lambda"),
        ({"solver": "magic"}, "level_set"),
        ({"dtype": torch.float16}, "float32 or torch.float64"),
    ],
)
def test_refuses(changes, words):
    with pytest.raises(madcore.InputError, match=words):
        madcore.synthesize(IMAGE, "ssim", "mse", "min", **changes)


def test_rounding_near_the_reference_does_not_make_a_similarity():
    def noisy_near_zero(image, mad_image):
        return (1e-7 - (mad_image - image).square().flatten(1).mean(1)).abs()

    result = madcore.synthesize(IMAGE.float(), noisy_near_zero, "mse", "max", initial_noise=1e-4, max_iter=2)
    assert result.held_error.item() <= 1e-4


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (IMAGE.mul(255).to(torch.uint8), "divide"),
        (IMAGE[0], r"\(N, C, H, W\)"),
        (IMAGE * math.nan, "NaN"),
        (IMAGE + 1, "inside pixel_range"),
        (IMAGE.numpy(), "tensor"),
    ],
)
def test_refuses_pictures(image, words):
    with pytest.raises(madcore.InputError, match=words):
        madcore.synthesize(image, "ssim", "mse", "min")


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (lambda image, mad_image: l2(image, mad_image).repeat(2), "one value for each image"),
        (lambda image, mad_image: l2(image, mad_image) * math.nan, "not finite"),
        (lambda image, mad_image: l2(image, mad_image).detach(), "no gradient"),
        (lambda image, mad_image: -l2(image, mad_image), "negative"),
        (lambda image, mad_image: 3.0, "must return a tensor"),
        (lambda image, mad_image: mad_image.no_such_thing, "raised AttributeError"),
    ],
)
def test_refuses_metrics(metric, words):
    with pytest.raises(madcore.ContractError, match=words):
        madcore.synthesize(IMAGE, metric, "mse", "min")


@pytest.mark.parametrize("name", ["image", "mad_image", "prepared"])
def test_a_metric_that_writes_into_its_images_spoils_no_picture(name):
    class InPlace:
        def __call__(self, image, mad_image):
            {"image": image, "mad_image": mad_image}[name].mul_(0.5)
            return l2(image, mad_image)

    class Prepared(InPlace):
        def prepare(self, image):
            image.mul_(0.5)
            return lambda mad_image: l2(image, mad_image)

    metric = Prepared() if name == "prepared" else InPlace()
    for optimized, held in ((metric, "mse"), ("mse", metric)):
        image = IMAGE.clone()
        with pytest.raises(madcore.ContractError, match=r"changes the images that it is given: .* a copy"):
            madcore.synthesize(image, optimized, held, "max")
        assert torch.equal(image, IMAGE)


def test_a_notebook_shows_values_and_no_pixels():
    results = madcore.quartet(torch.cat([IMAGE, IMAGE]), "ssim", "mse", max_iter=2)
    assert repr(results["a_min"]) == str(results["a_min"])
    assert repr(results) == str(results)
    assert "tensor" not in repr(results)


def test_columns_are_as_wide_as_the_levels_of_all_held_metrics():
    result = madcore.synthesize(BOTH, "ssim", ["mse", "mae"], "max", max_iter=2)
    header, *rows = str(result).splitlines()[1:]
    assert [row.index(str(status)) for row, status in zip(rows, result.status, strict=True)] == [
        header.index("status")
    ] * 2


def test_writing_what_stands_there_changes_no_picture():
    held = madcore.synthesize(IMAGE, lambda r, x: l2(r.clamp_(0, 1), x), "mae", "max", max_iter=2)
    assert held.held_error.item() <= 1e-6


def test_a_class_is_not_taken_for_a_metric():
    with pytest.raises(madcore.InputError, match=r"make an object of it, PairwiseDistance\(...\)"):
        madcore.synthesize(IMAGE, torch.nn.PairwiseDistance, "mse", "max")


def test_inference_mode_is_named():
    with torch.inference_mode(), pytest.raises(madcore.ContractError, match="inference_mode is on"):
        madcore.synthesize(IMAGE, l2, "mae", "max")


def test_dead_zone_is_named():
    with pytest.raises(madcore.LevelError, match="nothing to hold"):
        madcore.synthesize(IMAGE, "mse", lambda r, x: (l2(r, x) - 1e6).clamp_min(0), "min")


def test_same_metric_on_both_sides_warns():
    with pytest.warns(UserWarning, match="nothing can differ"):
        result = madcore.synthesize(IMAGE, "mse", "mse", "max", **FAST)
    assert result.optimized_value.item() == pytest.approx(result.initial_value.item(), rel=1e-5)


def test_metric_that_turns_nan_on_the_way_leaves_a_good_image():
    def fragile(image, mad_image):
        value = madcore.create_metric("ssim")(image, mad_image)
        return torch.where(value > 0.9, math.nan, value)

    result = madcore.synthesize(IMAGE, fragile, "mse", "max", level=0.004, max_iter=60)
    assert torch.isfinite(result.mad_image).all()
    assert result.held_error.item() <= 1e-6


def test_a_gradient_that_turns_nan_on_the_way_does_not_end_the_run():
    def walled(image, mad_image):
        value = madcore.create_metric("ssim")(image, mad_image)
        return value + 1e-9 * (0.8 - value).sqrt()

    result = madcore.synthesize(IMAGE, walled, "mse", "max", level=0.004, max_iter=60)
    assert 0.79 < result.optimized_value.item() < 0.8


class Weighted:
    """A metric with an analytic gradient."""

    def __init__(self, weight):
        self.weight = weight

    def __call__(self, image, mad_image):
        return self.weight * l2(image, mad_image)

    def prepare(self, image):
        return PreparedWeighted(self.weight, image)


class PreparedWeighted:
    def __init__(self, weight, image):
        self.weight, self.image = weight, image

    def __call__(self, mad_image):
        return self.weight * l2(self.image, mad_image)

    def value_and_gradient(self, mad_image):
        return self(mad_image), 2 * self.weight * (mad_image - self.image)


def test_an_analytic_gradient_has_the_shape_of_the_images(monkeypatch):
    def of_another_shape(prepared, mad_image):
        return prepared(mad_image), mad_image.sum(-1)

    monkeypatch.setattr(PreparedWeighted, "value_and_gradient", of_another_shape)
    with pytest.raises(madcore.ContractError, match=r"Weighted must return gradients .* \(1, 1, 24\) for images of"):
        madcore.synthesize(IMAGE, "ssim", Weighted(1.0), "max", **FAST)


def test_parameters_that_want_gradients_do_not_matter_to_an_analytic_one():
    result = madcore.synthesize(IMAGE, "ssim", Weighted(torch.nn.Parameter(torch.tensor(2.0))), "max", **FAST)
    plain = madcore.synthesize(IMAGE, "ssim", l2, "max", **FAST)
    assert not result.optimized_value.requires_grad
    torch.testing.assert_close(result.optimized_value, plain.optimized_value)


def test_a_metric_without_a_gradient_at_the_start_is_refused():
    def plateau(image, mad_image):
        return (mad_image - image).square().flatten(1).mean(1).clamp_min(0.5)

    with pytest.raises(madcore.LevelError, match="plateau has no gradient at the start image"):
        madcore.synthesize(madcore.read_image("dead_leaves", size=32), plateau, "mse", "min", max_iter=5)
