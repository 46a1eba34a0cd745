import hashlib
import json
import urllib.error
from pickle import UnpicklingError
from types import SimpleNamespace

import pytest
import torch

from madcore import MetricSpec, PluginError, create_metric, hookimpl, registry
from madcore.cli import run
from madcore.identity import identify
from madcore.loading import Candidate
from madcore.weights import fetch_error, hash_file


class Deep:
    def __init__(self, *paths):
        self.weight_files = paths

    def __call__(self, image, mad_image):
        return (image - mad_image).square().flatten(1).mean(1)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(b"learned")
    return path


@pytest.fixture
def installed(monkeypatch, weights):
    """A plugin with a metric whose weights are there, one that cannot fetch them, and one that is broken."""

    def offline(*, net: str = "alex"):
        raise urllib.error.URLError("Name or service not known")

    def wrapped(*, net: str = "alex"):
        try:
            offline()
        except OSError as error:
            raise RuntimeError("no model") from error

    specs = [
        MetricSpec(name, build, higher_is_better=False, perfect=0.0, weights="somewhere")
        for name, build in {
            "there": lambda: Deep(weights),
            "none": lambda: Deep(),
            "offline": offline,
            "wrapped": wrapped,
            "broken": lambda: 1 / 0,
        }.items()
    ]
    plugin = SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda: specs))
    monkeypatch.setattr(registry, "find_candidates", lambda: [Candidate("deep", "madcore-deep", "1", lambda: plugin)])
    return registry.Registry.discover()


def test_what_the_files_hold_identifies_a_metric(installed, weights):
    before = identify(create_metric("deep.there", registry=installed))
    assert before["weights"] == [f"sha256:{hashlib.sha256(b'learned').hexdigest()}"]
    weights.write_bytes(b"something else")
    assert identify(create_metric("deep.there", registry=installed)) != before


def test_without_weights_there_is_no_hash(installed):
    assert "weights" not in create_metric("deep.none", registry=installed).identity


def test_hash_is_of_the_content(tmp_path, weights):
    copy = tmp_path / "copy.pth"
    copy.write_bytes(weights.read_bytes())
    assert hash_file(copy) == hash_file(weights)


@pytest.mark.parametrize("name", ["deep.offline,net=vgg", "deep.wrapped,net=vgg"])
def test_no_network(installed, name, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", "/data/weights")
    message = rf"weights of {name} \(Name or service not known\); run `madcore fetch {name}` .* /data/weights\)$"
    with pytest.raises(PluginError, match=message):
        create_metric(name, registry=installed)


def test_weights_of_a_hub_are_kept_in_its_own_folder(monkeypatch):
    hub = pytest.importorskip("huggingface_hub.errors")
    monkeypatch.setenv("HF_HOME", "/data/hub")
    assert fetch_error("deep.hub", hub.LocalEntryNotFoundError("offline")).endswith("(HF_HOME is /data/hub)")


@pytest.mark.parametrize("length", [0, 9, 900])
def test_a_damaged_file_is_told(tmp_path, monkeypatch, length):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    whole, cut = tmp_path / "whole.pth", tmp_path / "cut.pth"
    torch.save({"weight": torch.zeros(1000)}, whole)
    cut.write_bytes(whole.read_bytes()[:length])
    with pytest.raises((RuntimeError, EOFError, UnpicklingError)) as caught:
        torch.load(cut, weights_only=True)
    told = fetch_error("deep.cut", caught.value)
    assert told.startswith("cannot read the weights of deep.cut (")
    assert told.endswith(f"the file is damaged: delete it and run `madcore fetch deep.cut` (TORCH_HOME is {tmp_path})")


def test_of_a_damaged_file_the_reader_s_own_words_are_told():
    first = RuntimeError("PytorchStreamReader failed reading zip archive: failed finding central directory")
    blamed = PluginError(f"deep.cut of madcore-deep 1 does not work: RuntimeError: {first}")
    blamed.__cause__ = first
    assert "(PytorchStreamReader failed reading zip archive); the file is damaged" in fetch_error("deep.cut", blamed)


def test_another_error_is_no_failed_download(installed):
    with pytest.raises(PluginError, match=r"^deep.broken of madcore-deep 1 does not work: ZeroDivisionError"):
        create_metric("deep.broken", registry=installed)


def test_fetch_prints_files_and_hashes(installed, weights, capsys):
    assert run(["fetch", "deep.there", "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)
    content = hashlib.sha256(b"learned").hexdigest()
    assert file == {"metric": "deep.there", "path": str(weights), "sha256": content, "bytes": 7}
    assert run(["fetch", "deep.there"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"deep.there  {content}  7      {weights}"


def test_fetch_goes_on_after_what_fails(installed, capsys):
    assert run(["fetch", "deep.offline", "deep.none", "deep.there"]) == 3
    out, err = capsys.readouterr()
    assert "deep.there" in out
    assert err.splitlines()[0].startswith("madcore: error: cannot get the weights of deep.offline")
    assert err.splitlines()[1:] == ["madcore: deep.none reads no weights"]


def test_fetch_of_an_unknown_name(installed, capsys):
    assert run(["fetch", "deep.their"]) == 2
    assert "did you mean deep.there?" in capsys.readouterr().err
