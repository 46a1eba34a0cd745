"""Which of plenoptic's plot functions run on our object: docs/plenoptic.md has a table, and here it is measured."""

import re
from pathlib import Path

import matplotlib as mpl
import plenoptic
import pytest
import torch
from matplotlib import pyplot

import madcore

PAGE = Path(__file__).parents[1] / "docs" / "plenoptic.md"


def mse(image, mad_image):
    return (image - mad_image).square().mean()


def mae(image, mad_image):
    return (image - mad_image).abs().mean()


@pytest.fixture(scope="module")
def competitions():
    """Return four competitions in the order that plenoptic's mad_imshow_all takes."""
    image = torch.linspace(0.3, 0.7, 144).reshape(1, 1, 12, 12)
    pairs = [((mse, mae), "min"), ((mae, mse), "min"), ((mse, mae), "max"), ((mae, mse), "max")]
    made = [madcore.MADCompetition(image, *metrics, minmax, 1.0) for metrics, minmax in pairs]
    for competition in made:
        competition.synthesize(4, store_progress=2)
    return made


@pytest.fixture(autouse=True)
def no_windows():
    mpl.use("agg")
    yield
    pyplot.close("all")


def documented():
    """Return whether the page says that a function runs, by its name."""
    return dict(re.findall(r"^\| `plenoptic\.plot\.(\w+)` \| (yes|no)", PAGE.read_text(), re.MULTILINE))


def plot(name, competitions):
    arguments = {"imshow": [competitions[0].mad_image], "histogram": [competitions[0].mad_image.detach()]}
    arguments["animshow"] = [competitions[0].saved_mad_image.squeeze(1).squeeze(1)[None, None]]
    default = competitions if name.startswith("mad_") else competitions[:1]
    drawn = getattr(plenoptic.plot, name)(*arguments.get(name, default))
    if hasattr(drawn, "to_jshtml"):
        drawn.to_jshtml()


def test_every_plot_function_for_competitions_is_in_the_table():
    ours = {name for name in plenoptic.plot.__all__ if name.startswith(("mad_", "synthesis_"))}
    assert ours <= documented().keys()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", sorted(documented()))
def test_plot_function_runs_as_documented(competitions, name):
    if documented()[name] == "yes":
        plot(name, competitions)
        assert pyplot.get_fignums() or name == "animshow"
    else:
        with pytest.raises(AttributeError):
            plot(name, competitions)


@pytest.mark.filterwarnings("ignore:Image range falls outside:UserWarning")
def test_example_of_the_page_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    scope = {}
    exec(example.replace("po.data.einstein()", "po.data.einstein()[..., :64, :64]"), scope)
    assert len(scope["mad"].saved_mad_image) == 5
    assert pyplot.get_fignums()


def test_animation_runs_without_the_loss(competitions):
    panels = ["synthesis_imshow", "synthesis_histogram"]
    movie = plenoptic.plot.synthesis_animate(competitions[0], included_plots=panels)
    assert "<img" in movie.to_jshtml()
