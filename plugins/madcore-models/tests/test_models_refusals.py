"""Whatever cannot be compared is refused in one line that says what to do."""

from urllib.error import URLError

import pytest
import torch

import madcore

FILE = f"{__file__.rpartition('/')[0]}/networks_for_tests.py"

REFUSALS = {
    "model=FILE:Net,layers=frist": r"has no layer 'frist' \(did you mean first\?\); it has first, norm, relu, drop,",
    "model=torchvision:vgg16,weights=none,layers=features.9x": r"mean features.9\?\); it has features.0, .*30$",
    "model=torchvision:vgg16,weights=none,layers=features.9.x": r"no layer 'features.9.x'.*; it has features.0, .*30$",
    "model=torchvision:vgg16,weights=none,layers=9": r"it has features, avgpool, classifier and 38 more$",
    "model=FILE:WithTuple": "puts out a tuple, not a tensor; name layers: first, norm",
    "model=FILE:WithDict": "puts out a dict with out, not a tensor; name layers: first, norm",
    "model=FILE:Random": "gives one picture different features each time; .*training=self.training",
    "model=FILE:Training": "puts itself into training mode",
    "model=FILE:Words": "takes integers, which have no gradient",
    "model=FILE:Classes": "puts out torch.int64, which has no gradient",
    "model=FILE:Head": "cannot take pictures of 1 x 3 x 64 x 64: TypeError",
    "model=FILE:Needy": r"makes no network: TypeError: .*'width'; give its arguments defaults",
    "model=FILE:Nett": r"has no 'Nett' \(did you mean Net\?\); it has Net, Grey",
    "model=FILE:picture_count": "must return a torch.nn.Module; it returned int",
    "model=FILE:Net,weights=none.pt": "cannot read weights 'none.pt': there is no such file",
    "model=FILE:Net,weights=IMAGENET1K_V1": "must be a file with its state dictionary",
    "model=FILE:Net,layer_weights=1+2": "one for each of 1 layers; got 2",
    "model=FILE:Net,layer_weights=0": "not all 0",
    "model=FILE:Net,std=0": "std must be above 0",
    "model=FILE:Net,mean=1+2": "mean and std of .* must have one number, or one for each channel",
    "model=FILE:Net,size=0": "size must be one side or height.width",
    "model=missing.py:Net": "cannot read model 'missing.py': there is no such file",
    "model=missing.pt": "cannot read model 'missing.pt': there is no such file",
    "model=nowhere.net:Net": "there is no module 'nowhere'",
    "model=vgg16": "names no network; write torchvision:NAME",
    "model=torchvision:vgg61": r"torchvision has no model 'vgg61' \(did you mean vgg1",
    "model=torchvision:vgg16,weights=IMAGENET": "must be DEFAULT, IMAGENET1K_V1, IMAGENET1K_FEATURES, none or a file",
    "model=timm:resnet81": r"timm has no model 'resnet81' \(did you mean resnet18",
    "model=timm:resnet18,weights=a1_in1k": "tags belong to the name, e.g. timm:resnet18.a1_in1k",
}


@pytest.mark.parametrize("options", REFUSALS)
def test_refused_in_one_line(options):
    with pytest.raises(madcore.MadcoreError, match=REFUSALS[options]) as caught:
        madcore.create_metric(f"models.features,{options.replace('FILE', FILE)}")
    assert "\n" not in str(caught.value)


def test_an_axis_of_channels_that_is_not_there_is_refused():
    metric = madcore.create_metric(f"models.features,model={FILE}:Net,channel_axis=7")
    with pytest.raises(madcore.InputError, match=r"channel_axis must be from 1 to 1 for features of 1 x \d+; got 7"):
        metric(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))


def test_a_file_that_raises_is_blamed(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("1 / 0")
    with pytest.raises(madcore.PluginError, match="cannot be run: ZeroDivisionError"):
        madcore.create_metric("models.features", model=f"{path}:Net")


def test_a_pickled_module_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "net.pt")
    with pytest.raises(madcore.InputError, match=r"neither TorchScript nor .* name the class too"):
        madcore.create_metric("models.features", model=str(tmp_path / "net.pt"))
    hint = r"no state dictionary: .* a pickle of more than tensors, which is not read .*; save model.state_dict\(\)$"
    with pytest.raises(madcore.InputError, match=hint):
        madcore.create_metric("models.features", model=f"{FILE}:Net", weights=str(tmp_path / "net.pt"))


def test_timm_is_asked_for_only_by_its_own_models(monkeypatch):
    monkeypatch.setattr("madcore_models.published.find_spec", lambda name: None if name == "timm" else object())
    with pytest.raises(madcore.PluginError, match="pip install timm"):
        madcore.create_metric("models.features", model="timm:resnet18")
    madcore.create_metric("models.features", model=f"{FILE}:Net")


def test_weights_that_cannot_be_fetched_are_one_line(monkeypatch, tmp_path):
    def offline(*_, **__):
        raise URLError(OSError("Name or service not known"))

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", offline)
    with pytest.raises(madcore.PluginError, match=r"Name or service not known.*madcore fetch") as caught:
        madcore.create_metric("models.features,model=torchvision:squeezenet1_1,layers=features.1")
    assert "\n" not in str(caught.value)
