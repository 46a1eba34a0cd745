import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import madcore
from madcore.engine import Failed, Lost

PLAN = """
metrics = ["ssim", "mse"]
pictures = ["dead_leaves"]
levels = ["noise:0.1"]
size = "32x32"
"""


def read(folder):
    board = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    return board.Reload()


@pytest.fixture(scope="module")
def tournament(tmp_path_factory):
    """A tournament that was watched: the folder of its run, and its store."""
    folder = tmp_path_factory.mktemp("tournament")
    (folder / "plan.toml").write_text(PLAN)
    played = madcore.Tournament.from_toml(folder / "plan.toml")
    played.play(folder / "store", observers=[f"tensorboard,dir={folder / 'runs'}"])
    (run,) = (folder / "runs").iterdir()
    return run, madcore.Store(folder / "store")


def test_scalars_are_those_of_the_record(tournament):
    board = read(tournament[0])
    (record,) = tournament[1].records()
    pair = " and ".join(record["made"]["names"].values())
    images = record["images"]
    held = max(image["held_error"] for image in images.values())
    assert board.Scalars(f"{pair}/held_error")[0].value == pytest.approx(held)
    spread = images["a_max"]["exact"]["a"] - images["a_min"]["exact"]["a"]
    name = record["made"]["names"]["a"]
    assert board.Scalars(f"{pair}/spread of {name}")[0].value == pytest.approx(spread)
    assert board.Scalars("tournament/finished")[-1].value == 1


def test_images_are_the_files_of_the_store(tournament):
    board = read(tournament[0])
    (record,) = tournament[1].records()
    tags = board.Tags()["images"]
    assert sorted(tag.rpartition("/")[2] for tag in tags) == ["a_max", "a_min", "b_max", "b_min", "start"]
    for tag in tags:
        (image,) = board.Images(tag)
        assert image.encoded_image_string == tournament[1].read(record["id"], f"{tag.rpartition('/')[2]}.png")
        assert (image.height, image.width) == (32, 32)


def test_hyperparameters_of_each_match(tournament):
    (record,) = tournament[1].records()
    board = read(tournament[0] / "matches" / record["id"][:12])
    assert {"_hparams_/experiment", "_hparams_/session_start_info"} <= set(board.summary_metadata)
    assert b"dead_leaves" in board.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert "spread of ssim" in board.Tags()["scalars"]


def test_failures_are_told(tmp_path):
    board = madcore.create_observer("tensorboard", dir=str(tmp_path), images="no", hyperparameters=False)
    board.match_failed(Failed("abc", "ValueError", "no gradient", reason="non-finite"))
    board.match_failed(Lost("def", "worker died", 2, "killed by signal 9"))
    board.tournament_finished({"finished": 0, "failed": 2, "per_minute": None, "seconds": 3.5})
    (run,) = tmp_path.iterdir()
    events = read(run)
    texts = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("failed/text_summary")]
    assert texts == [
        "abc: non-finite: ValueError: no gradient",
        "def: worker died: played 2 times: killed by signal 9",
    ]
    assert (events.Scalars("tournament/failed")[0].step, events.Scalars("tournament/failed")[0].value) == (3, 2.0)


def test_declaring_imports_nothing_heavy():
    program = (
        "import sys, madcore_tensorboard as it; it.madcore_observers(); print({*sys.modules} & {'torch', 'numpy'})"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-tensorboard")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()
