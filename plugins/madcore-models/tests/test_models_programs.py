"""Files: TorchScript, torch.export, and weights for a class."""

import os
import subprocess
import sys

import madcore_models
import pytest
import torch
from networks_for_tests import Net

import madcore

FILE = f"{__file__.rpartition('/')[0]}/networks_for_tests.py"


@pytest.fixture
def net():
    torch.manual_seed(3)
    return Net().eval()


@pytest.fixture
def pictures():
    return torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).unbind()


def own(net, pictures, layer=None):
    outputs = []
    if layer:
        net.get_submodule(layer).register_forward_hook(lambda module, inputs, output: outputs.append(output.clone()))
    for picture in pictures:
        outputs += [] if layer and net(picture) is not None else [net(picture)]
    return (outputs[0] - outputs[1]).square().flatten(1).mean(1).detach()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script. is deprecated:FutureWarning")
def test_torchscript_compares_the_output(net, pictures, tmp_path):
    path = tmp_path / "net.pt"
    torch.jit.script(net).save(path)
    metric = madcore.create_metric(f"models.features,model={path}")
    torch.testing.assert_close(metric(*pictures), own(net, pictures))
    torch.testing.assert_close(metric(*(each.double() for each in pictures)), own(net, pictures).double())
    assert len(metric.identity["weights"]) == 1


@pytest.mark.filterwarnings("ignore:.*torch.jit.script. is deprecated:FutureWarning")
def test_layers_of_torchscript_cannot_be_watched(net, tmp_path):
    torch.jit.script(net).save(tmp_path / "net.pt")
    with pytest.raises(madcore.InputError, match=r"inside TorchScript cannot be watched; .* torch\.export"):
        madcore.create_metric(f"models.features,model={tmp_path / 'net.pt'},layers=norm")


@pytest.fixture
def exported(net, tmp_path):
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(net, (torch.rand(1, 3, 32, 32),)), path)
    return path


def test_an_exported_program_compares_its_output(net, pictures, exported):
    metric = madcore.create_metric(f"models.features,model={exported}")
    torch.testing.assert_close(metric(*pictures), own(net, pictures))


def test_layers_of_an_exported_program_have_their_names(net, pictures, exported):
    metric = madcore.create_metric(f"models.features,model={exported},layers=norm")
    torch.testing.assert_close(metric(*pictures), own(net, pictures, "norm"))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_weights_of_a_class_from_a_file(net, pictures, tmp_path, suffix):
    from safetensors.torch import save_file

    path = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(net.state_dict(), path)
    metric = madcore.create_metric(f"models.features,model={FILE}:Net,weights={path}")
    torch.testing.assert_close(metric(*pictures), own(net, pictures))
    assert len(metric.identity["weights"]) == 2


def test_weights_of_another_network_are_refused(net, tmp_path):
    torch.save({**net.state_dict(), "extra": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(madcore.InputError, match=r"do not fit .*:Net: 1 unknown, e\.g\. extra"):
        madcore.create_metric(f"models.features,model={FILE}:Net,weights={tmp_path / 'weights.pt'}")


def test_weights_of_another_shape_are_refused(net, tmp_path):
    torch.save({**net.state_dict(), "first.bias": torch.zeros(7)}, tmp_path / "weights.pt")
    with pytest.raises(madcore.InputError, match=r"do not fit .*:Net: size mismatch for first\.bias"):
        madcore.create_metric(f"models.features,model={FILE}:Net,weights={tmp_path / 'weights.pt'}")


def test_what_is_no_state_dictionary_is_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "weights.pt")
    with pytest.raises(madcore.InputError, match="holds no state dictionary but epoch"):
        madcore.create_metric(f"models.features,model={FILE}:Net,weights={tmp_path / 'weights.pt'}")


def run(*words):
    return subprocess.run([sys.executable, "-m", "madcore", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("place", ["{file}", "a_network_of_mine"])
def test_a_network_of_ones_own_is_verified_only_if_that_is_allowed_and_unchanged(tmp_path, monkeypatch, place):
    file, ran, mad = tmp_path / "a_network_of_mine.py", tmp_path / "ran", str(tmp_path / "mad")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    source = f"from torch import nn\nopen({str(ran)!r}, 'a').close()\ndef make(): return nn.Conv2d(1, 2, 3)\n"
    file.write_text(source)
    name = f"models.features,model={place.format(file=file)}:make"
    done = run("synth", name, "mse", "dead_leaves", "--size", "32", "--max-iter", "2", "--minmax", "max", "-o", mad)
    assert done.returncode == 0, done.stderr
    for change, options, said in (("", [], "--allow-code"), ("# changed\n", ["--allow-code"], "not the code of the")):
        file.write_text(source + change)
        ran.unlink(missing_ok=True)
        done = run("verify", mad, *options)
        assert (done.returncode, ran.exists(), said in done.stderr) == (2, False, True)
    file.write_text(source)
    assert run("verify", mad, "--allow-code").returncode == 0


def test_what_runs_code_of_ones_own_says_so():
    (features,) = [spec for spec in madcore_models.madcore_metrics() if spec.name == "features"]
    for model in ("./mine.py:Net", "package.module:Net", "./net.pt", "net.pt2", "torchvision.models:resnet18"):
        assert features.code(model=model, weights=None) == (model,)
    for model in ("torchvision:vgg16", "timm:resnet18", Net(), 3):
        assert features.code(model=model, weights=None) == ()
