import importlib.metadata
import os
import signal
import threading
from pathlib import Path

import pytest
import ray

from madcore import InputError, PluginError, create_engine
from madcore.engine import Batch, Finished, WorkerEvent
from madcore.testing import Act, EngineContract, MakeRehearsal


@pytest.fixture(scope="class")
def cluster():
    """One cluster for all: to start one takes seconds."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
class TestRay(EngineContract):
    name = "ray,workers=2"
    patience = 30.0


def test_a_cluster_of_our_own_ends_with_the_tournament_and_leaves_signals_alone(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    events = []
    create_engine("ray,workers=1,threads=2").run(
        [Batch("batch", (Act("match"),))], MakeRehearsal(str(tmp_path)), events.append, threading.Event()
    )
    assert [event.id for event in events if isinstance(event, Finished)] == ["match"]
    assert {event.device for event in events if isinstance(event, WorkerEvent)} == {"cpu"}
    assert [event.state for event in events if isinstance(event, WorkerEvent)] == ["ready", "ended"]
    assert signal.getsignal(signal.SIGTERM) is before
    assert not ray.is_initialized()


@pytest.mark.parametrize("option", ["workers=0", "threads=0", "gpus=-1"])
def test_numbers_that_are_too_small(option):
    with pytest.raises(InputError, match="of engine ray must be"):
        create_engine(f"ray,{option}")


@pytest.mark.parametrize("address", ["auto", "127.0.0.1:1"])
def test_no_cluster_there(address):
    with pytest.raises(PluginError, match=f"there is no Ray cluster at {address}: .* start one"):
        create_engine(f"ray,address={address}").run([], print, print, threading.Event())


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-ray")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()
