"""Figures of tournaments: drawn from small tables, and from a match on disk."""

import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from synthetic_stores import make_store

import madcore
from madcore.analysis import examine_results
from madcore.cli import launcher
from madcore.plot.stored import _figures, _strongest_first
from madcore.report.album import Album
from madcore.report.matches import list_matches

NAMES = ["ssim", "mse", "<b>odd</b> $x"]
RANKED = [f"{column}{end}" for column in ("aggressiveness", "resistance") for end in ("", "_low", "_high")]
FOUND = {"level": "noise:0.1", "low": 1.0, "high": 2.0, "at_least": False, "n": 3, "estimate": 1.5}


@pytest.fixture(scope="module")
def cells():
    return [{**FOUND, "optimized": a, "held": b} for a in NAMES for b in NAMES if a != b]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("match") / "made"
    words = ["quartet", "ssim", "mse", "dead_leaves", "--size", "24", "--max-iter", "5", "-o", str(path)]
    done = CliRunner().invoke(launcher, [*words, "--no-plugin", "all"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return path


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_rows_optimise_and_columns_hold(cells):
    ax = madcore.plot.disagreement_matrix([{**row, "estimate": 7.0} if row["held"] == "mse" else row for row in cells])
    assert labels(ax.yaxis) == labels(ax.xaxis) == NAMES
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("held", "optimised")
    shown = ax.images[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, -1), [[-1, 7, 1.5], [1.5, -1, 1.5], [1.5, 7, -1]])
    assert ax.get_title(loc="left").endswith("noise:0.1, n = 3")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "1.5\n1.0 to 2.0"),
        ({"at_least": True, "high": np.inf}, "\N{GREATER-THAN OR EQUAL TO}1.5\n1.0 to \N{INFINITY}"),
        ({"low": None, "high": None}, "1.5"),
        ({"estimate": -0.04, "low": -1.0}, "0.0\n\N{MINUS SIGN}1.0 to 2.0"),
    ],
)
def test_cells_say_estimate_and_interval(cells, changes, text):
    ax = madcore.plot.disagreement_matrix([{**cells[0], **changes}, *cells[1:]])
    assert text in [each.get_text() for each in ax.texts]


def test_unknown_cells_are_empty(cells):
    ax = madcore.plot.disagreement_matrix([{**cells[0], "estimate": None}, *cells[1:]])
    assert len(ax.texts) == len(cells) - 1


def test_a_matrix_is_of_one_level(cells):
    with pytest.raises(madcore.InputError, match=r"choose rows of one of: noise:0\.1, noise:0\.2"):
        madcore.plot.disagreement_matrix([*cells, {**cells[0], "level": "noise:0.2"}])
    for draw in (madcore.plot.disagreement_matrix, madcore.plot.transfer, madcore.plot.rankings):
        with pytest.raises(madcore.InputError, match="no rows to draw"):
            draw([])


def test_colours_of_judges_are_symmetric(cells):
    rows = [{**row, "judge": "nlpd", "estimate": value} for row, value in zip(cells, range(-3, 3), strict=True)]
    ax = madcore.plot.transfer(rows)
    assert ax.images[0].get_clim() == (-3, 3)
    assert labels(ax.xaxis) == ["nlpd"]
    assert labels(ax.yaxis)[0] == "ssim, mse held"


def test_rankings_show_values_and_intervals():
    row = {"metric": "ssim", "aggressiveness": 60.0, "aggressiveness_low": 50.0, "aggressiveness_high": 70.0}
    ax = madcore.plot.rankings([row], columns=["aggressiveness"])
    assert ax.lines[0].get_xdata() == [60]
    np.testing.assert_array_equal(ax.collections[0].get_segments()[0][:, 0], [50, 70])


def test_envelope_counts_what_is_beyond_the_curve():
    row = {"optimized": "ssim", "held": "mse", "picture": "camera", "held_level": 0.1, "start": 0.1}
    rows = [{**row, "minimum": 0.01, "maximum": None}, {**row, "held_level": 0.2, "minimum": 0.02, "maximum": 0.5}]
    ax = madcore.plot.envelope(rows)
    assert ax.get_title(loc="left") == "ssim while mse is held\n1 beyond the noise curve (hollow)"
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [0.01, 0.02])
    with pytest.raises(madcore.InputError, match="one pair of metrics"):
        madcore.plot.envelope([*rows, {**rows[0], "held": "nlpd"}])


def test_noise_curves_have_one_colour_for_each_metric():
    point = {"standard_deviation": 0.1, "value": 0.01}
    rows = [{"metric": name, "image": image, **point} for name in NAMES for image in ("x", "y")]
    ax = madcore.plot.noise_curves(rows)
    assert len({line.get_color() for line in ax.lines}) == 3
    assert len(ax.lines) == 6
    assert [text.get_text() for text in ax.get_legend().get_texts()] == NAMES


def test_a_match_on_disk_shows_its_pngs(folder):
    figure = madcore.plot.stored_match(madcore.open_results(folder), differences=False)
    shown = figure.axes[2].images[0].get_array()
    written = madcore.read_image(folder / "a_max.png")[0].movedim(0, -1).squeeze(-1)
    np.testing.assert_allclose(shown, written)
    assert figure.axes[2].get_title(loc="left").startswith("ssim maximised: ")


def test_all_figures_are_written(folder, tmp_path):
    written = madcore.plot.save_figures(madcore.open_results(folder), tmp_path, ["svg"])
    assert "match-1.svg" in [path.name for path in written]
    assert all("<svg" in path.read_text()[:2000] for path in written)


def test_files_for_papers_carry_no_date(folder, tmp_path):
    results = madcore.open_results(folder)
    first, second = (madcore.plot.save_figures(results, tmp_path / each, ["pdf"], matches=0) for each in "12")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize(("target", "formats"), [("file/inside", ["svg"]), ("fine", ["bmp2"])])
def test_figures_that_cannot_be_written(folder, tmp_path, target, formats):
    (tmp_path / "file").write_text("")
    with pytest.raises(madcore.InputError, match="cannot be written"):
        madcore.plot.save_figures(madcore.open_results(folder), tmp_path / target, formats, matches=0)


def test_a_match_that_is_not_there(folder):
    with pytest.raises(madcore.InputError, match="there is no match"):
        madcore.plot.stored_match(madcore.open_results(Path(folder)), "0" * 32)


def test_a_match_of_one_image_and_several_held_metrics(tmp_path):
    words = ["synth", "ssim", "mse", "dead_leaves", "--also-hold", "mae", "--minmax", "max", "--size", "24"]
    words += ["--max-iter", "3", "-o", str(tmp_path / "made"), "--no-plugin", "all"]
    done = CliRunner().invoke(launcher, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    written = madcore.plot.save_figures(madcore.open_results(tmp_path / "made"), tmp_path / "figures", ["svg"])
    assert [path.name for path in written] == ["match-1.svg"]
    figure = madcore.plot.stored_match(madcore.open_results(tmp_path / "made"), differences=False)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split("\n")[0] for title in titles[::2]] == ["reference image", "start image"]
    assert "mse held at" in titles[1]
    assert "mae held at" in titles[1]


def test_figures_of_matches_come_in_the_order_of_the_report(tmp_path):
    store = make_store(tmp_path / "store")
    entries = list_matches(store, examine_results(store), Album(tmp_path / "page.html", 0))
    assert _strongest_first(store, examine_results(store)) == [entry["id"] for entry in entries]


def test_metrics_stand_in_one_order_in_all_matrices(tmp_path):
    store = make_store(tmp_path / "store", levels=("0.05", "0.1"))
    figures = dict(_figures(store, examine_results(store), 0))
    matrices = [figure.axes[0] for name, figure in figures.items() if name.startswith("disagreement")]
    assert len(matrices) == 2
    assert all(labels(ax.xaxis) == labels(ax.yaxis) == ["mse", "nlpd", "ssim"] for ax in matrices)


def test_extremes_beyond_the_curve_are_marked_at_the_edge():
    row = {"optimized": "ssim", "held": "mse", "picture": "camera", "held_level": 0.1, "start": 0.1}
    ax = madcore.plot.envelope([{**row, "minimum": 0.01, "maximum": None}])
    assert [line.get_marker() for line in ax.lines if line.get_transform() == ax.get_xaxis_transform()] == ["^"]


def test_a_match_whose_files_are_missing_is_left_out(tmp_path):
    store = make_store(tmp_path / "store", metrics=("mse", "ssim"))
    first = _strongest_first(store, examine_results(store))[0]
    (store.path / "matches" / first[:2] / first / "start.png").unlink()
    with pytest.warns(UserWarning, match=f"match {first} is not drawn"):
        names = dict(_figures(store, examine_results(store), 3))
    assert [name for name in names if name.startswith("match")] == ["match-1"]


@pytest.mark.filterwarnings("error")
def test_long_names_fit_into_the_figure(cells):
    long = {
        "ssim": "ssim,window=gaussian,size=11,sigma=1.5,weights=none,padding=valid,k1=0.01,k2=0.03",
        "mse": "models.features,weights=none,model=convnext_tiny,layers=features.1+features.3+features.5",
    }

    def renamed(rows):
        return [{key: long.get(value, value) for key, value in row.items()} for row in rows]

    curve = [{"metric": name, "image": "i", "standard_deviation": s, "value": s} for name in NAMES for s in (0.1, 1)]
    ranked = [{"metric": name, **dict.fromkeys(RANKED, 50.0)} for name in NAMES]
    for draw, rows in (
        (madcore.plot.disagreement_matrix, cells),
        (madcore.plot.transfer, [{**row, "judge": name} for row in cells for name in NAMES]),
        (madcore.plot.noise_curves, curve),
        (madcore.plot.rankings, ranked),
    ):
        figure = draw(renamed(rows)).figure
        figure.savefig(io.BytesIO())
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.1, draw.__name__
