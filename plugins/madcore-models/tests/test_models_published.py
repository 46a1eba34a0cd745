"""Networks of torchvision and timm: the real ones, untrained from a seed, since nothing is fetched here."""

import inspect
import json
import subprocess
import sys
from hashlib import sha256

import pytest
import timm
import torch
from madcore_models import build_vgg_content, build_vgg_style, madcore_metrics
from safetensors.torch import save_file
from torchvision.models import VGG16_Weights, get_model

import madcore

SMALL = "models.features,model=torchvision:squeezenet1_1,weights=none,layers=features.1"


@pytest.fixture
def pictures():
    return torch.rand(2, 1, 3, 48, 40, generator=torch.Generator().manual_seed(0)).unbind()


def test_a_node_of_torchvision_with_its_normalization(pictures):
    metric = madcore.create_metric(SMALL, seed=4)
    torch.random.default_generator.manual_seed(4)
    trunk = get_model("squeezenet1_1", weights=None).features[:2].eval()
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    one, other = (trunk((picture - mean) / std) for picture in pictures)
    torch.testing.assert_close(metric(*pictures), (one - other).square().flatten(1).mean(1).detach())


def test_the_record_says_that_a_network_is_untrained():
    identity = madcore.create_metric(SMALL, seed=4).identity
    assert identity["options"]["weights"] is None
    assert identity["options"]["seed"] == 4
    assert "weights" not in identity


def test_weights_by_name_are_read_from_where_torch_keeps_them(tmp_path, monkeypatch, pictures):
    from madcore_models import published

    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    weights = published_weights("squeezenet1_1")
    # Random numbers under the name of the trained ones, whose hash is therefore not asked for.
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), checkpoints / weights.url.rpartition("/")[2])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = published.COLLECTIONS["torchvision"]("squeezenet1_1", "DEFAULT", 0)
    assert found.files == (checkpoints / weights.url.rpartition("/")[2],)


def published_weights(name):
    from torchvision.models import get_model_weights

    return get_model_weights(name).DEFAULT


def test_each_set_of_weights_has_its_own_normalization():
    from madcore_models.published import _normalization

    assert _normalization(VGG16_Weights.IMAGENET1K_FEATURES, VGG16_Weights)[1] == pytest.approx((1 / 255,) * 3)


def test_blocks_of_a_transformer_of_timm():
    metric = madcore.create_metric(
        "models.features,model=timm:vit_tiny_patch16_224,weights=none,layers=blocks.0,distance=normalized"
    )
    assert metric.function.trunk.given.mean == (0.5, 0.5, 0.5)
    assert metric.min_side == 224
    assert metric(*torch.rand(2, 1, 3, 224, 224)).item() > 0
    with pytest.raises(madcore.InputError, match=r"cannot take pictures of 1 x 3 x 256 x 256: .*; the option size"):
        metric(*torch.rand(2, 1, 3, 256, 256))


def test_size_makes_a_transformer_take_any_picture(pictures):
    name = "models.features,model=timm:vit_tiny_patch16_224,weights=none,layers=blocks.0,size=224"
    assert madcore.create_metric(name)(*pictures).item() > 0


@pytest.fixture
def published_by_anybody(tmp_path, monkeypatch):
    """A network in the cache of timm's client, as if fetched, and in a folder; and what its weights hash to."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    snapshot, refs = (tmp_path / "models--owner--name" / each for each in ("snapshots/abc", "refs"))
    for folder in (snapshot, refs):
        folder.mkdir(parents=True)
    for name in ("main", "v1"):
        (refs / name).write_text("abc")
    save_file(timm.create_model("resnet10t").state_dict(), snapshot / "model.safetensors")
    (snapshot / "config.json").write_text(json.dumps({"architecture": "resnet10t", "pretrained_cfg": {}}))
    return snapshot, sha256((snapshot / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("place", ["hf-hub:owner/name", "hf-hub:owner/name@v1", "local-dir:{}"])
def test_the_weights_of_timm_are_hashed_wherever_they_are(published_by_anybody, place):
    folder, digest = published_by_anybody
    metric = madcore.create_metric("models.features", model=f"timm:{place.format(folder)}", layers=["conv1"])
    assert metric.identity["weights"] == [f"sha256:{digest}"]


@pytest.mark.parametrize(
    ("model", "code", "fetches"),
    [
        ("torchvision:vgg16", False, False),
        ("timm:resnet18.a1_in1k", False, False),
        ("timm:hf-hub:owner/name", False, True),
        ("timm:local-dir:folder", False, True),
        ("./net.py:Net", True, False),
    ],
)
def test_what_anybody_may_have_published_is_declared(model, code, fetches):
    spec = next(each for each in madcore_metrics() if each.name == "features")
    assert (spec.code(model=model), spec.fetches(model=model)) == ((model,) * code, (model,) * fetches)


@pytest.mark.parametrize(
    ("build", "names"),
    [(build_vgg_content, ["relu4_2"]), (build_vgg_style, ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"])],
)
def test_presets_name_the_layers_of_the_paper(build, names):
    with torch.device("meta"):
        network = get_model("vgg19", weights=None)
    block, number, found = 1, 0, {}
    for index, layer in enumerate(network.features):
        number += isinstance(layer, torch.nn.Conv2d)
        if isinstance(layer, torch.nn.MaxPool2d):
            block, number = block + 1, 0
        if isinstance(layer, torch.nn.ReLU):
            found[f"relu{block}_{number}"] = f"features.{index}"
    assert inspect.signature(build).parameters["layers"].default == tuple(found[name] for name in names)


def test_vgg_from_one_small_picture():
    metric = madcore.create_metric("models.vgg_style,weights=none")
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    changed = picture.roll(5, -1)
    value, gradient = metric.prepare(picture).value_and_gradient(changed)
    assert metric.min_side == 16
    assert value.item() > 0
    assert gradient.isfinite().all()


def test_declaring_imports_no_torch():
    program = "import sys, madcore_models as it; it.madcore_metrics(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
