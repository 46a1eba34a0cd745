"""Figures of syntheses and quartets: what stands in their axes, and whether every pixel is shown as it is."""

import inspect
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import plenoptic
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.text import Text
from pictures import wave_picture
from PIL import Image

import madcore
from madcore.plot import maps

SIDE = 24


def mse(image, mad_image):
    return (image - mad_image).square().mean()


def mae(image, mad_image):
    return (image - mad_image).abs().mean()


@pytest.fixture(scope="module")
def competition():
    torch.manual_seed(0)
    made = madcore.MADCompetition(wave_picture(SIDE, SIDE).float(), mse, mae, "max", 10.0)
    made.synthesize(12, store_progress=5)
    return made


@pytest.fixture(scope="module")
def match():
    image = wave_picture(SIDE, SIDE, 1)
    return madcore.quartet(image, "ssim", "mse", max_iter=12, store_progress=5, penalty="total_variation")


@pytest.fixture(params=["competition", "result"])
def synthesis(request, competition, match):
    return competition if request.param == "competition" else match["a_max"]


def drawn(figure, **options):
    """Return a figure as it is saved, (H, W, 3) from 0 to 255."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", **options)
    return np.asarray(Image.open(stream).convert("RGB"))


def find(picture, screen, scale):
    """Return whether a picture, (H, W, 3), stands somewhere on the screen, each pixel `scale` x `scale` large."""
    enlarged = np.kron(picture, np.ones((scale, scale, 1), picture.dtype))
    windows = np.lib.stride_tricks.sliding_window_view(screen, (*enlarged.shape[:2], 3))[:, :, 0]
    probes = windows[:, :, ::scale, 0] == enlarged[::scale, 0]
    places = np.argwhere(probes.all((2, 3)))
    return any((windows[y, x] == enlarged).all() for y, x in places)


random_picture = torch.rand(3, 10, 14, generator=torch.Generator().manual_seed(1))
bytes_of_it = np.moveaxis((random_picture.numpy() * 255).astype(np.uint8), 0, -1)


@pytest.mark.parametrize(("dpi", "scale"), [(100, 18), (96, 17), (200, 36), (150, 27), (37, 6)])
def test_every_pixel_covers_whole_screen_pixels(dpi, scale):
    picture = torch.from_numpy(np.moveaxis(bytes_of_it, -1, 0) / 255)
    assert find(bytes_of_it, drawn(madcore.plot.imshow(picture).figure, dpi=dpi), scale)


@pytest.mark.parametrize("options", [{}, {"bbox_inches": "tight"}])
def test_pixels_are_whole_in_anybodys_axes(options):
    figure = Figure(figsize=(5, 2.1), layout="constrained")
    axes = figure.subplots(1, 3)
    madcore.plot.imshow(torch.from_numpy(np.moveaxis(bytes_of_it, -1, 0) / 255), axes[1], zoom=7, title="a title")
    assert find(bytes_of_it, drawn(figure, **options), 7)


def test_a_picture_in_a_subfigure():
    part = Figure(figsize=(6, 3)).subfigures(1, 2)[1]
    ax = madcore.plot.imshow(torch.from_numpy(np.moveaxis(bytes_of_it, -1, 0) / 255), part.subplots(), zoom=5)
    assert find(bytes_of_it, drawn(ax.get_figure(root=True)), 5)


def test_vector_files_hold_the_pixels_themselves():
    stream = io.BytesIO()
    madcore.plot.imshow(random_picture).figure.savefig(stream, format="pdf")
    assert b"/Height 10" in stream.getvalue()
    assert b"/Width 14" in stream.getvalue()


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_pictures_fill_their_room_in_vector_files(kind):
    figure = madcore.plot.imshow(torch.rand(3, 128, 128)).figure
    room = figure.axes[0].get_position(original=True).bounds
    figure.savefig(io.BytesIO(), format=kind)  # at 72 dots an inch, for which no whole enlargement has that room
    assert figure.axes[0].get_position().bounds == pytest.approx(room, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": torch.zeros(2, 3, 8, 8)}, "1 or 3 channels"),
        ({"zoom": 1.5}, "zoom must be a whole number"),
        ({"zoom": 0}, "zoom must be a whole number"),
        ({"vrange": (1, 1)}, "vrange must be two numbers"),
        ({"ax": Figure(figsize=(0.1, 0.1)).add_subplot()}, "make the figure larger"),
    ],
)
def test_pictures_that_cannot_be_shown(arguments, message):
    with pytest.raises(madcore.InputError, match=message):
        madcore.plot.imshow(**{"image": random_picture, **arguments})


def title(ax):
    return ax.get_title(loc="left")


def test_the_image_of_an_iteration(synthesis):
    known = {0: synthesis.initial_image, 12 if synthesis.mad_image.shape[1] == 3 else 13: synthesis.mad_image}
    for iteration, image in known.items():
        shown = madcore.plot.synthesis_imshow(synthesis, iteration=iteration).images[0].get_array()
        expected = image[0].detach().clamp(0, 1).double().movedim(0, -1).squeeze(-1)
        np.testing.assert_allclose(shown, expected)


def test_titles_name_metrics_level_and_values(match):
    lines = title(madcore.plot.synthesis_imshow(match["b_min"])).split("\n")
    result = match["b_min"]
    assert lines[0] == f"mse minimised: {result.optimized_value.item():#.4g}"
    assert lines[1].startswith(f"ssim held at {result.level.item():#.4g}, error ")


def test_the_nearest_kept_image_is_shown_and_named(synthesis):
    assert "iteration 5 of 1" in title(madcore.plot.synthesis_imshow(synthesis, iteration=6))


def test_iterations_that_do_not_exist(synthesis):
    with pytest.raises(IndexError, match="iteration 99 does not exist"):
        madcore.plot.synthesis_imshow(synthesis, iteration=99)


def test_iterations_that_were_not_kept():
    result = madcore.synthesize(wave_picture(16, 16, 1), "mse", "mae", "min", max_iter=4)
    assert title(madcore.plot.synthesis_imshow(result, iteration=0)).endswith("iteration 0 of 5")
    with pytest.raises(IndexError, match="synthesize with store_progress"):
        madcore.plot.synthesis_imshow(result, iteration=2)
    with pytest.raises(madcore.InputError, match="store_progress=1"):
        madcore.plot.synthesis_animate(result)


def test_what_has_not_begun_cannot_be_shown():
    begun = madcore.MADCompetition(wave_picture(SIDE, SIDE).float(), mse, mae, "max", 10.0)
    with pytest.raises(madcore.InputError, match="no MAD image to show yet: call setup or synthesize first"):
        madcore.plot.synthesis_status(begun)
    with pytest.raises(madcore.InputError, match="a Result, not int"):
        madcore.plot.synthesis_status(3)


@pytest.mark.parametrize("iterations", [3, 20])
def test_iterations_are_counted_in_whole_numbers(iterations):
    result = madcore.synthesize(wave_picture(16, 16, 1), "mse", "mae", "min", max_iter=iterations)
    axes = madcore.plot.synthesis_loss(result).values()
    assert all(tick == int(tick) for ax in axes for tick in ax.get_xticks())


def test_losses(synthesis):
    axes = madcore.plot.synthesis_loss(synthesis, plot_penalties=True)
    assert list(axes) == ["reference_metric_loss", "optimized_metric_loss", "penalties"]
    values = [ax.lines[-2].get_ydata() for ax in axes.values()]
    if isinstance(synthesis, madcore.MADCompetition):
        series = (synthesis.reference_metric_loss, synthesis.optimized_metric_loss, synthesis.penalties)
        for shown, known in zip(values, series, strict=True):
            np.testing.assert_allclose(shown, known)
    else:
        np.testing.assert_allclose(values[0], synthesis.level.item(), rtol=0.02)
        assert values[1][-1] == synthesis.optimized_value.item()
        penalty = madcore.create_penalty("total_variation")
        np.testing.assert_allclose(values[2][0], penalty.prepare(synthesis.image)(synthesis.initial_image), rtol=1e-4)


def test_the_dot_is_at_the_iteration(synthesis):
    for ax in madcore.plot.synthesis_loss(synthesis, 3).values():
        line, dot = ax.lines[-2:]
        assert list(dot.get_xydata()[0]) == [3, line.get_ydata()[3]]


def test_what_is_held_is_not_enlarged_to_noise(match):
    low, high = madcore.plot.synthesis_loss(match["a_min"])["reference_metric_loss"].get_ylim()
    assert high - low >= 0.019 * match["a_min"].level.item()


def test_several_held_metrics_share_axes():
    result = madcore.synthesize(wave_picture(16, 16, 1), "ssim", ["mse", "mae"], "min", max_iter=5)
    ax = madcore.plot.synthesis_loss(result)["reference_metric_loss"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["mse", "mae"]
    assert ax.get_ylabel() == "value / level"


def test_axes_for_the_losses(synthesis):
    figure = Figure()
    assert len({id(ax) for ax in madcore.plot.synthesis_loss(synthesis, ax=figure.subplots()).values()}) == 2
    with pytest.raises(madcore.InputError, match="2 axes are needed"):
        madcore.plot.synthesis_loss(synthesis, ax=Figure().subplots(1, 3))


def test_histogram_counts_every_pixel(synthesis):
    ax = madcore.plot.synthesis_histogram(synthesis)
    bars = sum(patch.get_height() for patch in ax.patches if hasattr(patch, "get_height"))
    assert bars == pytest.approx(100)


def test_status_is_one_row_of_panels(synthesis):
    panels = ["synthesis_imshow", "synthesis_loss", "synthesis_histogram"]
    figure = madcore.plot.synthesis_status(synthesis, included_plots=panels, iteration=5)
    assert len(figure.axes) == 4
    assert "iteration 5" in title(figure.axes[0])
    with pytest.raises(madcore.InputError, match="included_plots must be some of"):
        madcore.plot.synthesis_status(synthesis, included_plots=["imshow"])


def test_animation_has_a_frame_for_each_kept_image(synthesis, tmp_path):
    movie = madcore.plot.synthesis_animate(synthesis, framerate=5)
    movie.save(tmp_path / "movie.gif", dpi=30)
    with Image.open(tmp_path / "movie.gif") as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 200


def test_without_ffmpeg_only_gif(synthesis, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    movie = madcore.plot.synthesis_animate(synthesis)
    with pytest.raises(madcore.InputError, match=r"movie.mp4 needs ffmpeg.*write a \.gif"):
        movie.save(tmp_path / "movie.mp4")
    movie.save(tmp_path / "movie.gif", dpi=20)


def test_quartet_shows_all_six(match):
    figure = madcore.plot.quartet(match)
    titles = [title(ax) for ax in figure.axes]
    assert titles[0] == "reference image"
    assert titles[3].startswith("start image\nssim 0.")
    actions = [titles[place].split(":")[0] for place in (1, 2, 4, 5)]
    assert actions == ["ssim minimised", "ssim maximised", "mse minimised", "mse maximised"]
    np.testing.assert_allclose(figure.axes[5].images[0].get_array(), match["b_max"].mad_image[0, 0])


def test_differences_state_their_gain(match):
    figure = madcore.plot.quartet(match, differences=True)
    assert sum("difference \N{MULTIPLICATION SIGN} " in title(ax) for ax in figure.axes) == 5


def test_quartet_of_what_was_finished(match):
    part = madcore.Quartet(match.metric_a, match.metric_b, {"a_min": match["a_min"], "a_max": match["a_max"]})
    assert len(madcore.plot.quartet(part).axes) == 4
    with pytest.raises(madcore.InputError, match="holds no result"):
        madcore.plot.quartet(madcore.Quartet(match.metric_a, match.metric_b, {}))


def test_quartet_of_single_syntheses_in_any_order(match):
    results = [match[key] for key in ("a_max", "b_min", "b_max", "a_min")]
    assert [title(ax) for ax in madcore.plot.quartet(*results).axes] == [
        title(ax) for ax in madcore.plot.quartet(match).axes
    ]


def test_quartets_that_are_none(match, competition):
    for syntheses, message in (
        ([match["a_min"], match["a_min"]], "give each once"),
        ([match["a_min"], competition], "each optimised in turn|different reference images"),
        ([match.image], "not Tensor"),
        ([], "give a Quartet"),
    ):
        with pytest.raises(madcore.InputError, match=message):
            madcore.plot.quartet(*syntheses)


def test_losses_of_a_quartet(match):
    first, second = madcore.plot.quartet_loss(match).axes
    assert [first.get_ylabel(), second.get_ylabel()] == ["ssim", "mse"]
    assert first.lines[1].get_ydata()[-1] == match["a_max"].optimized_value.item()
    assert second.lines[1].get_ydata()[-1] == match["a_max"].reference_value.item()


def test_trajectories_end_at_the_values(match):
    ax = madcore.plot.trajectory(match)
    ends = {line.get_label(): line.get_xydata()[-1] for line in ax.lines}
    for key, label in (("a_min", "ssim minimised"), ("b_max", "mse maximised")):
        values = [match[key].optimized_value.item(), match[key].reference_value.item()]
        np.testing.assert_array_equal(ends[label], values if key[0] == "a" else values[::-1])


def test_envelope_joins_levels(match):
    other = madcore.quartet(match.image, "ssim", "mse", max_iter=5, initial_noise=0.05)
    joined = [line for line in madcore.plot.trajectory(match, other).lines if line.get_linestyle() == ":"]
    single = len(madcore.plot.trajectory(match).lines) + len(madcore.plot.trajectory(other).lines)
    assert len(madcore.plot.trajectory(match, other).lines) == single + 4, joined


def test_difference_is_on_middle_gray(match):
    shown = madcore.plot.difference(match["a_min"], gain=2).images[0].get_array()
    np.testing.assert_allclose(shown, 0.5 + 2 * (match["a_min"].mad_image - match.image)[0, 0])
    with pytest.raises(madcore.InputError, match="gain must be above 0"):
        madcore.plot.difference(match["a_min"], gain=0)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-6, 1.0))
def test_gain_uses_the_range_and_cuts_little(largest):
    change = torch.linspace(-largest, largest, 1000)
    gain = maps.suitable_gain(change)
    assert 0.25 <= gain * 0.99 * largest <= 0.51
    assert ((gain * change).abs() > 0.5).double().mean() <= 0.0101


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 0.3), st.sampled_from([1, 3]))
def test_mean_of_the_ssim_map_is_ssim(seed, noise, channels):
    image = wave_picture(30, 40, channels)
    mad_image = image + noise * torch.randn(image.shape, generator=torch.Generator().manual_seed(seed)).double()
    local = maps.local_ssim(image[0], mad_image[0])
    assert local.shape == (30, 40)
    assert 1 - local.nanmean() == pytest.approx(madcore.create_metric("ssim")(image, mad_image).item(), abs=1e-9)


def test_ssim_map_states_the_mean(match):
    metric = 1 - match["b_max"].level.item()
    assert title(madcore.plot.ssim_map(match["b_max"])).startswith(f"SSIM: mean {metric:#.3g}")


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 15), st.floats(0.01, 1.0), st.floats(0, 6.0))
def test_spectrum_of_a_wave_is_at_its_frequency(cycles, amplitude, phase):
    angle = 2 * torch.pi * cycles * torch.arange(32, dtype=torch.float64) / 32 + phase
    wave = amplitude * torch.sin(angle).expand(1, 48, 32)
    frequency, power, count = maps.power_spectrum(wave)
    total = power * count / (32 * 48)
    assert frequency[total.argmax()] == pytest.approx(cycles / 32)
    assert total.max() == pytest.approx(amplitude**2 / 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 20), st.integers(2, 20), st.integers(0, 10**6))
def test_spectrum_adds_up_to_the_variance(height, width, seed):
    noise = torch.randn(1, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    _, power, count = maps.power_spectrum(noise)
    assert (power * count).sum() / (height * width) == pytest.approx(noise.var(correction=0).item())


def test_spectrum_draws_every_image_and_the_start(match):
    labels = [line.get_label() for line in madcore.plot.difference_spectrum(match).lines]
    assert labels == ["start image", "ssim minimised", "ssim maximised", "mse minimised", "mse maximised"]


def test_other_objects_are_refused(match):
    for thing, message in ((match, "choose one of the quartet's four"), ("image", "not str")):
        with pytest.raises(madcore.InputError, match=message):
            madcore.plot.synthesis_imshow(thing)
    with pytest.raises(madcore.InputError, match="batch_idx must be from 0 to 0; got 1"):
        madcore.plot.synthesis_imshow(match["a_min"], batch_idx=1)
    with pytest.raises(madcore.InputError, match="channel_idx must be from 0 to 0; got 1"):
        madcore.plot.synthesis_imshow(match["a_min"], channel_idx=1)


def test_pictures_of_a_batch_and_single_channels():
    image = torch.cat([wave_picture(16, 16), wave_picture(16, 16).flip(-1)])
    result = madcore.synthesize(image, "mse", "mae", "max", max_iter=15, store_progress=5)
    shown = madcore.plot.synthesis_imshow(result, batch_idx=1, channel_idx=2).images[0].get_array()
    np.testing.assert_array_equal(shown, result.mad_image[1, 2])


@pytest.mark.parametrize("name", [n for n in plenoptic.plot.__all__ if n.startswith(("mad_", "synthesis_"))])
def test_plenoptics_functions_have_a_twin(name):
    theirs = list(inspect.signature(getattr(plenoptic.plot, name)).parameters)
    ours = list(inspect.signature(getattr(madcore.plot, name)).parameters)
    wanted = {"iteration", "batch_idx", "channel_idx", "included_plots", "process_image", "zoom", "plot_penalties"}
    assert {*theirs[1:4], *theirs} & wanted <= set(ours)


def test_nothing_global_is_touched(match):
    assert not pyplot.get_fignums()
    program = "import sys, madcore; madcore.plot.quartet; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_matplotlib():
    program = "import sys; sys.modules['matplotlib'] = None; import madcore; madcore.plot"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert 'madcore.plot needs matplotlib: pip install "madcore[plot]"' in done.stderr


def test_notebooks_show_the_figure(match):
    assert madcore.plot.quartet(match)._repr_png_().startswith(b"\x89PNG")


LONG = "ssim,window=gaussian,size=11,sigma=1.5,weights=none,padding=valid,k1=0.01,k2=0.03"
UNBROKEN = "./a/rather/long/folder/of_my_metrics/with_a_module_name_that_never_ends.py:distance_of_mine"
FIGURES = {
    "quartet": madcore.plot.quartet,
    "quartet_loss": madcore.plot.quartet_loss,
    "trajectory": madcore.plot.trajectory,
    "difference_spectrum": madcore.plot.difference_spectrum,
    "synthesis_status": lambda match: madcore.plot.synthesis_status(match["a_min"]),
    "synthesis_imshow": lambda match: madcore.plot.synthesis_imshow(match["a_min"]),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FIGURES)
def test_long_names_are_whole_and_inside_the_figure(name, match):
    metrics = {"a": replace(match["a_min"].optimized_metric, name=LONG)}
    metrics["b"] = replace(match["b_min"].optimized_metric, name=UNBROKEN)
    renamed = {
        key: replace(
            result, optimized_metric=metrics[key[0]], reference_metrics=(metrics["b" if key[0] == "a" else "a"],)
        )
        for key, result in match.items()
    }
    made = FIGURES[name](replace(match, results=renamed))
    figure = made if isinstance(made, Figure) else made.figure
    drawn(figure)
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.1
    said = "".join(text.get_text().replace("\n", "") for text in figure.findobj(Text))
    assert LONG in said
    assert UNBROKEN in said
