import hashlib
import importlib
import json
import py_compile
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from madcore.accepted_images import require_range
from madcore.errors import InputError, PluginError, UnknownNameError
from madcore.hookspecs import hookimpl
from madcore.loading import Candidate
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.registry import Registry
from madcore.specs import MetricSpec, PenaltySpec

CODE = """
import dataclasses
import torch

def direct(image, mad_image, *, power=2.0):
    return (image - mad_image).abs().pow(power).flatten(1).mean(1)

def factory(*, power: float = 2.0):
    return lambda image, mad_image: direct(image, mad_image, power=power)

class Module(torch.nn.Module):
    def __init__(self, power: float = 2.0):
        super().__init__()
        self.power = power

    def forward(self, image, mad_image):
        return direct(image, mad_image, power=self.power)

class Network(torch.nn.Module):
    def forward(self, image):
        return image

@dataclasses.dataclass
class Prepared:
    def __call__(self, image, mad_image):
        return direct(image, mad_image)

    def prepare(self, image):
        return lambda mad_image: self(image, mad_image)

module = Module(1.0)
prepared = Prepared()

def smooth(mad_image):
    return mad_image.flatten(1).var(1)

def one_image(image):
    return image

def silent(*, loud=False):
    return 3

def broken():
    raise RuntimeError("two\\nlines")

constant = 3
"""


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 2, 3, 16, 16, generator=generator, dtype=torch.float64).unbind()


def registry_of(*specs):
    metrics = [spec for spec in specs if isinstance(spec, MetricSpec)]
    penalties = [spec for spec in specs if isinstance(spec, PenaltySpec)]
    implementation = SimpleNamespace(
        metrics=hookimpl(specname="madcore_metrics")(lambda: metrics),
        penalties=hookimpl(specname="madcore_penalties")(lambda: penalties),
    )
    return Registry(lambda: [Candidate("good", "madcore-good", "1.2", lambda: implementation)])


def metric_spec(build, **fields):
    return MetricSpec("blur", build, "", **{"higher_is_better": False, "perfect": 0.0, **fields})


def mean_error(image, mad_image):
    return (image - mad_image).abs().flatten(1).mean(1)


def test_core_metric_by_name(pair):
    torch.testing.assert_close(create_metric("mse")(*pair), (pair[0] - pair[1]).square().flatten(1).mean(1))


def test_options_as_text_and_as_keywords_agree(pair):
    assert torch.equal(create_metric("lp,p=4")(*pair), create_metric("lp", p=4)(*pair))
    assert not torch.equal(create_metric("lp,p=4")(*pair), create_metric("lp")(*pair))


def test_identity_has_all_options_and_who_computes():
    identity = create_metric("ssim,window=uniform").identity
    assert identity["metric"] == "ssim"
    assert identity["options"]["window"] == "uniform"
    assert identity["options"]["size"] == 11
    assert "data_range" not in identity["options"]
    assert identity["plugin"]["name"] == "madcore"


def test_identity_names_the_distribution_whose_version_it_has():
    identity = create_metric("good.blur", registry=registry_of(metric_spec(lambda: mean_error))).identity
    assert identity["plugin"] == {"name": "good", "distribution": "madcore-good", "version": "1.2"}


@pytest.mark.parametrize("name", ["lp,p=inf", "ms_ssim,scale_weights=0.5+0.5", "ssim"])
def test_identity_makes_the_same_metric_again_from_json(name):
    identity = create_metric(name).identity
    read = json.loads(json.dumps(identity, allow_nan=False))
    assert create_metric(read["metric"], **read["options"]).function == create_metric(name).function


def test_name_says_which_options_were_given():
    assert create_metric("ssim,window=uniform", size=7).name == "ssim,window=uniform,size=7"


def test_declared_limits_reach_the_metric():
    spec = metric_spec(lambda: mean_error, channels=(3,), min_side=20, dtypes=("float32",))
    metric = create_metric("good.blur", registry=registry_of(spec))
    assert (metric.channels, metric.min_side, metric.dtypes) == ((3,), 20, ("float32",))


@pytest.mark.parametrize(
    ("channels", "given", "message"),
    [
        ((1,), 3, "takes 1 channel; got 3: reduce it to luma, read_image(..., gray=True) or --gray"),
        ((3,), 1, "takes 3 channels; got 1: take a colour picture, or repeat the channel, image.repeat(1, 3, 1, 1)"),
        ((1, 3), 4, "takes 1 or 3 channels; got 4: take colour alone, image[:, :3]"),
        ((1, 3), 2, "takes 1 or 3 channels; got 2"),
    ],
)
def test_other_channels_are_refused_with_what_to_do(channels, given, message):
    metric = create_metric("good.blur", registry=registry_of(metric_spec(lambda: mean_error, channels=channels)))
    images = torch.rand(1, given, 8, 8)
    with pytest.raises(InputError, match=f"^good.blur {re.escape(message)}$"):
        metric(images, images)


def test_what_is_built_may_refine_its_limits():
    assert create_metric("ms_ssim", scale_weights=(0.5, 0.5)).min_side < create_metric("ms_ssim").min_side


def test_similarity_becomes_a_distance(pair):
    spec = metric_spec(
        lambda: lambda image, mad_image: 1 - mean_error(image, mad_image), higher_is_better=True, perfect=1.0
    )
    torch.testing.assert_close(create_metric("good.blur", registry=registry_of(spec))(*pair), mean_error(*pair))


@pytest.mark.parametrize(("low", "high"), [(0.0, 255.0), (-1.0, 1.0), (16.0, 235.0)])
def test_metric_is_the_same_for_another_pixel_range(pair, low, high):
    metric = create_metric("ssim")
    wide, (image, mad_image) = metric.for_range(low, high), [low + (high - low) * each for each in pair]
    values, gradient = metric.prepare(pair[0]).value_and_gradient(pair[1])
    torch.testing.assert_close(wide(image, mad_image), values)
    torch.testing.assert_close(wide.prepare(image)(mad_image), values)
    rescaled, slopes = wide.prepare(image).value_and_gradient(mad_image)
    torch.testing.assert_close(rescaled, values)
    torch.testing.assert_close(slopes * (high - low), gradient)


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 255), (float("nan"), 1)])
def test_pixels_outside_the_range_of_a_metric_are_refused(low, high):
    with pytest.raises(InputError, match=r"^mine needs pixels from 0 to 1; got .* metric.for_range\(LOW, HIGH\)$"):
        require_range(torch.tensor([[low, high]]), 1.0, "mine")
    require_range(torch.tensor([-5e-4, 1 + 5e-4]), 1.0, "mine")
    require_range(torch.tensor([low, high]).nan_to_num() + 1, 256.0, "mine")


def test_metric_without_a_range_sees_pixels_as_they_are(pair):
    assert create_metric("mse").for_range(-1.0, 1.0).low == 0


def test_metric_is_built_once_for_the_range_that_it_has(pair):
    built = []

    def build(*, data_range: float = 1.0):
        built.append(data_range)
        return lambda image, mad_image: mean_error(image, mad_image) / data_range

    metric = create_metric("good.blur", registry=registry_of(metric_spec(build, data_range=True)))
    wide = metric.for_range(0, 1).for_range(0, 255).for_range(-255, 0)
    assert built == [1.0, 255.0]
    torch.testing.assert_close(wide.for_range(0, 1)(*pair), metric(*pair))


def test_data_range_is_no_option():
    with pytest.raises(UnknownNameError, match="'data_range' is no option of ssim"):
        create_metric("ssim,data_range=255")


def test_callable_is_taken_as_it_is():
    assert create_metric(mean_error).function is mean_error


def test_metric_passes_through():
    metric = Metric(mean_error)
    assert create_metric(metric) is metric


def test_options_need_a_name():
    with pytest.raises(InputError, match=r"options \(p\) go with the name"):
        create_metric(mean_error, p=2)


@pytest.mark.parametrize("given", [None, 3, ["mse"]])
def test_neither_name_nor_callable(given):
    with pytest.raises(InputError, match="must be a name"):
        create_metric(given)


def test_option_twice():
    with pytest.raises(InputError, match="option p of lp is given twice, in 'lp,p=2' and as a keyword"):
        create_metric("lp,p=2", p=3)


@pytest.mark.parametrize("attribute", ["direct", "factory", "Module", "module", "prepared", "Prepared"])
def test_every_kind_of_attribute_in_a_file(code, pair, attribute):
    metric = create_metric(f"{code}:{attribute}")
    power = 1 if attribute == "module" else 2
    torch.testing.assert_close(metric(*pair), (pair[0] - pair[1]).abs().pow(power).flatten(1).mean(1))


@pytest.mark.parametrize("attribute", ["one_image", "Network"])
def test_a_network_of_one_picture_is_no_metric(code, attribute):
    hint = r"needs image; it must take 2 image batches.* models.features,model=.*, of madcore-models$"
    with pytest.raises(InputError, match=hint):
        create_metric(f"{code}:{attribute}")


@pytest.mark.parametrize("attribute", ["direct", "factory", "Module"])
def test_options_of_code(code, pair, attribute):
    metric = create_metric(f"{code}:{attribute},power=1")
    torch.testing.assert_close(metric(*pair), mean_error(*pair))
    assert metric.identity["options"] == {"power": 1.0}


def test_identity_of_a_file_has_its_hash(code):
    identity = create_metric(f"{code}:direct").identity
    assert identity["metric"] == "direct"
    assert identity["code"] == f"sha256:{hashlib.sha256(CODE.encode()).hexdigest()}"
    assert identity["file"] == str(code)


def test_identity_of_a_module_has_the_hash_of_its_file():
    source = Path(torch.nn.functional.__file__).read_bytes()
    identity = create_metric("torch.nn.functional:mse_loss").identity
    assert identity["metric"] == "torch.nn.functional:mse_loss"
    assert identity["code"] == f"sha256:{hashlib.sha256(source).hexdigest()}"
    assert "file" not in identity


def test_changed_file_is_read_again(code, pair):
    before = create_metric(f"{code}:direct")(*pair)
    code.write_text(CODE.replace(".mean(1)", ".sum(1)"))
    assert not torch.equal(create_metric(f"{code}:direct")(*pair), before)


@pytest.fixture
def edited_module(tmp_path, monkeypatch):
    """A module that can be imported, and a function that saves its file again, changed."""
    file = tmp_path / "edited_module.py"
    file.write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield file, lambda: file.write_text(f"{file.read_text()}# changed\n")
    sys.modules.pop(file.stem, None)


def hash_of(file):
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("first", ["create_metric", "import"])
def test_a_module_whose_file_was_saved_again_is_refused(edited_module, first):
    file, edit = edited_module
    create_metric("edited_module:direct") if first == "create_metric" else importlib.import_module(file.stem)
    edit()
    for _ in range(2):
        with pytest.raises(InputError, match=r"edited_module.py was saved again after .* imported .*; restart Python$"):
            create_metric("edited_module:direct")
    importlib.reload(sys.modules[file.stem])
    assert create_metric("edited_module:direct").identity["code"] == hash_of(file)
    edit()
    with pytest.raises(InputError, match="restart Python"):
        create_metric("edited_module:direct")


def test_a_module_remembers_its_file_though_another_process_renews_the_bytecode(edited_module):
    file, edit = edited_module
    create_metric("edited_module:direct")
    edit()
    py_compile.compile(str(file))
    with pytest.raises(InputError, match="restart Python"):
        create_metric("edited_module:direct")


@pytest.mark.parametrize("why", ["not written", "not there"])
def test_bytecode_that_tells_nothing_is_not_believed(edited_module, monkeypatch, why):
    file, edit = edited_module
    py_compile.compile(str(file))
    edit()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module(file.stem)
    if why == "not there":
        Path(module.__spec__.cached).unlink()
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert create_metric("edited_module:direct").identity["code"] == hash_of(file)


def test_prepare_of_code_is_kept(code):
    assert hasattr(create_metric(f"{code}:prepared").function, "prepare")


def test_attribute_of_a_module(pair):
    metric = create_metric("torch.nn.functional:l1_loss,reduction=mean")
    torch.testing.assert_close(metric(pair[0][:1], pair[1][:1]), mean_error(*pair)[:1])


def test_loading_a_file_leaves_no_traces_beside_it(code):
    create_metric(f"{code}:direct")
    assert [path.name for path in code.parent.iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("constant", "is of type int; it must be a callable of images"),
        ("direkt", r"did you mean direct\?"),
        ("one_image", "needs image; it must take 2 image batches"),
        ("", "write ./file.py:attribute"),
        ("direct,pover=1", r"did you mean power\?"),
        ("direct,power=high", "must be float"),
        ("module,power=2", "it has none"),
    ],
)
def test_unusable_attribute(code, attribute, message):
    with pytest.raises((InputError, UnknownNameError), match=message):
        create_metric(f"{code}:{attribute}")


@pytest.mark.parametrize(("attribute", "message"), [("broken", "RuntimeError: two lines"), ("silent", "it returned 3")])
def test_code_that_is_at_fault(code, attribute, message):
    with pytest.raises(PluginError, match=message):
        create_metric(f"{code}:{attribute}")


@pytest.mark.parametrize("source", ["import nothing_of_this_name", "1 +", "raise SystemExit"])
def test_file_that_does_not_run(tmp_path, source):
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(PluginError, match=r"bad.py:metric does not work: (ModuleNotFoundError|SyntaxError|SystemExit)"):
        create_metric(f"{tmp_path}/bad.py:metric")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing_of_this_name:metric", "there is no module 'nothing_of_this_name'"),
        ("torch.nothing:metric", "there is no module 'torch.nothing'"),
        ("./nothing.py:metric", "cannot read 'nothing.py'"),
        ("./nothing.py", "names no attribute"),
        ("/tmp:metric", "cannot read '/tmp'"),
    ],
)
def test_code_that_is_not_there(name, message):
    with pytest.raises(InputError, match=message):
        create_metric(name)


@pytest.mark.parametrize("error", [RuntimeError("no weights"), SystemExit(1), ImportError("no x")])
def test_build_that_raises_is_the_plugins_fault(error):
    def build():
        raise error

    with pytest.raises(PluginError, match=r"good.blur of madcore-good 1.2 does not work: ") as caught:
        create_metric("good.blur", registry=registry_of(metric_spec(build)))
    assert caught.value.__cause__ is error


def test_build_may_refuse_an_option_in_its_own_words():
    with pytest.raises(InputError, match="lp needs p of 1 or more"):
        create_metric("lp,p=0.5")


def test_build_that_returns_no_callable():
    with pytest.raises(PluginError, match="build returned int"):
        create_metric("good.blur", registry=registry_of(metric_spec(lambda: 3)))


def test_build_prints_to_the_standard_error(capsys):
    create_metric("good.blur", registry=registry_of(metric_spec(lambda: print("Downloading") or mean_error)))
    assert capsys.readouterr() == ("", "Downloading\n")


def test_missing_requirement_says_what_to_run():
    spec = metric_spec(lambda: mean_error, requires=("no-such-distribution>=1",))
    with pytest.raises(PluginError, match="run: pip install 'no-such-distribution>=1'"):
        create_metric("good.blur", registry=registry_of(spec))


def test_objects_as_options():
    spec = metric_spec(lambda *, model=None: lambda image, mad_image: model(image - mad_image))
    metric = create_metric("good.blur", registry=registry_of(spec), model=mean_error)
    assert metric.identity["options"] == {"model": "mean_error"}


def test_no_penalty_is_the_penalty_none(pair):
    assert create_penalty(None)(pair[0]).tolist() == [0.0, 0.0]
    assert create_penalty(None).identity == create_penalty("none").identity


def test_penalty_with_options(pair):
    assert create_penalty("range")(pair[0] * 255).min() > 0
    assert create_penalty("range,allowed_range=0+255")(pair[0] * 255).max() == 0


def test_penalty_of_code(code, pair):
    penalty = create_penalty(f"{code}:smooth")
    torch.testing.assert_close(penalty(pair[0]), pair[0].flatten(1).var(1))
    assert penalty.identity["code"].startswith("sha256:")


def test_penalty_of_a_plugin(pair):
    spec = PenaltySpec("dark", lambda *, weight=1.0: lambda mad_image: weight * mad_image.flatten(1).mean(1))
    penalty = create_penalty("good.dark,weight=2", registry=registry_of(spec))
    torch.testing.assert_close(penalty(pair[0]), 2 * pair[0].flatten(1).mean(1))


def test_penalty_passes_through():
    penalty = Penalty(torch.sum)
    assert create_penalty(penalty) is penalty
    assert create_penalty(torch.sum).function is torch.sum


def test_unknown_penalty():
    with pytest.raises(UnknownNameError, match=r"'rang' is no penalty \(did you mean range\?\)"):
        create_penalty("rang")
