"""LPIPS with untrained trunks of a seed, since there is no network in a test; the calibrated weights are real."""

import importlib.metadata
import json
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import lpips
import pytest
import torch
import torchvision
from madcore_lpips import weights

import madcore
from madcore.testing import evaluate_together


@pytest.fixture(scope="module")
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, 3, 40, 37, generator=generator).unbind()


def untrained(net="squeeze", **options):
    return madcore.create_metric("lpips.lpips", net=net, weights=None, **options)


def peer(net, seed=0, **options):
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        torch.manual_seed(seed)
        return lpips.LPIPS(net=net, pnet_rand=True, verbose=False, **options)


@pytest.mark.parametrize(
    ("net", "linear", "version"),
    [("alex", True, "0.1"), ("alex", True, "0.0"), ("squeeze", False, "0.1"), ("squeeze", True, "0.1")],
)
def test_value_is_that_of_lpips(net, linear, version, pair):
    """With the range [0, 1], for which lpips needs normalize=True."""
    expected = peer(net, lpips=linear, version=version)(*pair, normalize=True).flatten()
    torch.testing.assert_close(untrained(net, linear=linear, version=version)(*pair), expected, rtol=1e-6, atol=1e-8)


def test_seed_decides(pair):
    torch.testing.assert_close(untrained(seed=3)(*pair), peer("squeeze", seed=3)(*pair, normalize=True).flatten())
    assert (untrained(seed=3)(*pair) != untrained(seed=4)(*pair)).all()


def test_the_callers_random_numbers_are_left():
    before = torch.random.get_rng_state()
    untrained()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_prepared_is_as_unprepared(pair):
    metric = untrained()
    assert torch.equal(metric.prepare(pair[0])(pair[1]), metric(*pair))


def test_records_say_that_it_is_untrained():
    metric = untrained(seed=3)
    assert metric.identity["options"]["weights"] is None
    assert metric.identity["options"]["seed"] == 3
    assert "weights=none" in metric.name
    assert len(metric.identity["weights"]) == 1  # the calibrated ones, which are in the wheel


def test_the_network_is_frozen_also_as_a_part_of_something_that_is_trained(pair):
    metric, whole = untrained(), torch.nn.Module()
    whole.part = metric.function
    whole.train().requires_grad_(True)
    metric.prepare(pair[0])(pair[1].clone().requires_grad_()).sum().backward()
    _, network = metric.function.trunk.network.like(pair[0])
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(("net", "side"), [("alex", 31), ("squeeze", 17)])
def test_smallest_side(net, side):
    metric = untrained(net)
    assert metric.min_side == side
    image = torch.rand(1, 3, side, side)
    assert torch.isfinite(metric.prepare(image).value_and_gradient(1 - image)[1]).all()
    with pytest.raises(madcore.InputError, match=f"at least {side} pixels"):
        metric(image[..., 1:], image[..., 1:])


def test_grey_is_as_three_equal_channels(pair):
    gray = [image[:, :1] for image in pair]
    metric = untrained()
    torch.testing.assert_close(metric(*gray), metric(*(image.expand(-1, 3, -1, -1) for image in gray)))
    gradient = metric.prepare(gray[0]).value_and_gradient(gray[1])[1]
    assert gradient.shape == gray[1].shape


def test_wide_range(pair):
    metric = untrained()
    torch.testing.assert_close(metric.for_range(0, 255)(255 * pair[0], 255 * pair[1]), metric(*pair))
    with pytest.raises(madcore.InputError, match=r"needs pixels from 0 to 1; got .* metric.for_range\(LOW, HIGH\)$"):
        metric(255 * pair[0], 255 * pair[1])


def test_quiet(capsys, pair):
    untrained()(*pair)
    assert capsys.readouterr() == ("", "")


def test_metrics_of_one_network_run_it_once(pair):
    metrics = untrained(), untrained(linear=False)
    assert metrics[0].function.trunk == metrics[1].function.trunk != untrained(version="0.0").function.trunk
    runs = []
    _, network = metrics[0].function.trunk.network.like(pair[0])
    counting = network.register_forward_hook(lambda *_: runs.append(1))
    together = evaluate_together(metrics, *pair)
    counting.remove()
    assert len(runs) == 2 + 1  # the reference images for each, the others once
    for (values, gradient), metric in zip(together, metrics, strict=True):
        wanted, slope = metric.prepare(pair[0]).value_and_gradient(pair[1])
        assert torch.equal(values, wanted)
        torch.testing.assert_close(gradient, slope)


def test_networks_of_other_weights_are_others():
    networks = [untrained(net, seed=seed).function.trunk.network for net, seed in [("squeeze", 0), ("squeeze", 1)] * 2]
    assert networks[0] is networks[2]
    assert networks[1] is networks[3]
    assert networks[0] is not networks[1]


def test_a_network_that_two_threads_ask_for_at_once_is_one(monkeypatch):
    barrier, make = Barrier(2), weights._make

    def slow(*arguments):
        with suppress(BrokenBarrierError):
            barrier.wait(0.5)
        return make(*arguments)

    monkeypatch.setattr(weights, "_make", slow)
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda linear: untrained(linear=linear, seed=5), (True, False))
    assert one.function.trunk == other.function.trunk


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    """torchvision's SqueezeNet with random weights, as a file where torch looks for what it has downloaded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    path = tmp_path / "hub/checkpoints/squeezenet1_1-b8a52dc0.pth"
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return path


def test_file_on_disk(on_disk, pair):
    metric = madcore.create_metric("lpips.lpips,net=squeeze", weights=str(on_disk))
    assert torch.equal(metric(*pair), untrained()(*pair))
    assert metric.function.weight_files[0] == on_disk
    again = madcore.create_metric("lpips.lpips,net=squeeze,linear=false", weights=str(on_disk))
    assert again.function.trunk == metric.function.trunk != untrained().function.trunk
    assert len(metric.identity["weights"]) == 2


def test_fetch_finds_what_is_already_there(on_disk):
    command = [sys.executable, "-m", "madcore", "fetch", "lpips.lpips,net=squeeze", "--json"]
    files = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [Path(file["path"]).name for file in files] == [on_disk.name, "squeeze.pth"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file .* torchvision, none or a file"),
        (b"nothing", "holds no weights of net=squeeze that torch can read"),
        ({"features.0.weight": torch.zeros(1)}, "is no state dict of torchvision's squeezenet; give the file"),
    ],
)
def test_wrong_file(tmp_path, content, message):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(madcore.InputError, match=message):
        madcore.create_metric("lpips.lpips,net=squeeze", weights=str(path))


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(madcore.PluginError, match=r"weights of lpips.lpips \(.*\); run `madcore fetch lpips.lpips` "):
        madcore.create_metric("lpips.lpips")


def test_declaring_imports_no_torch():
    program = "import sys, madcore_lpips as it; it.madcore_metrics(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-lpips")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()
