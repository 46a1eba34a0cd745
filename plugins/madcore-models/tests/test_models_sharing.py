"""Metrics with one network run it once, and share its memory; real networks with weights drawn from a seed."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier, BrokenBarrierError, current_thread, main_thread

import networks_for_tests
import pytest
import torch
from madcore_models.pruning import drop_unused
from madcore_models.representation import Representation
from networks_for_tests import Net

import madcore
from madcore.testing import evaluate_together

FILE = f"{__file__.rpartition('/')[0]}/networks_for_tests.py"


def features(model="torchvision:squeezenet1_1", **options):
    weights = {"weights": None} if str(model).startswith("torchvision") else {}
    return madcore.create_metric("models.features", model=model, **weights, **options)


def trunk(metric):
    return metric.function.trunk


def network(metric):
    return trunk(metric).representation.network


@pytest.fixture
def pictures():
    return torch.rand(2, 2, 3, 40, 37, generator=torch.Generator().manual_seed(0)).unbind()


def together_and_alone(metrics, pictures):
    """Check that metrics are together what they are alone; return how often their network ran for each."""
    runs = []
    first = next(layer for layer in network(metrics[0]).modules() if isinstance(layer, torch.nn.Conv2d))
    counting = first.register_forward_hook(lambda *_: runs.append(1))
    together = evaluate_together(metrics, *pictures)
    count = len(runs)
    alone = [metric.prepare(pictures[0]).value_and_gradient(pictures[1]) for metric in metrics]
    counting.remove()
    for (values, gradient), (wanted, slope) in zip(together, alone, strict=True):
        assert torch.equal(values, wanted)
        torch.testing.assert_close(gradient, slope, rtol=1e-5, atol=1e-6 * float(slope.abs().max()))
    return count, len(runs) - count


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ("squeezenet1_1", ("features.1", "features.12")),
        ("squeezenet1_1", ("features.7", "features.1+features.4")),
        (
            "resnet18",
            ("layer2", "layer1+relu"),
        ),  # the last relu of each block is the same kind of layer in other places
        ("shufflenet_v2_x0_5", ("stage2", "")),
    ],
)
def test_the_network_runs_once_for_two_metrics(model, layers, pictures):
    first, second = (tuple(filter(None, each.split("+"))) for each in layers)
    metrics = [
        features(f"torchvision:{model}", layers=first, distance="gram"),
        features(f"torchvision:{model}", layers=second, distance="normalized" if second else "l2"),
    ]
    assert together_and_alone(metrics, pictures) == (2 + 1, 2 + 2)  # the reference pictures apart, the others


def test_three_metrics(pictures):
    metrics = [features(layers=[f"features.{index}"]) for index in (4, 12, 1)]
    assert together_and_alone(metrics, pictures) == (3 + 1, 3 + 3)


def test_a_run_ends_after_the_deepest_layer_of_both(pictures):
    metrics = [features(FILE + ":Net", layers=[layer], seed=4) for layer in ("first", "norm")]
    hook = network(metrics[0]).second.register_forward_hook(lambda *_: pytest.fail("it ran on"))
    assert together_and_alone(metrics, pictures) == (3, 4)
    hook.remove()


def test_a_layer_that_runs_twice(pictures):
    metrics = [features(FILE + ":Net", layers=[layer]) for layer in ("relu", "norm")]
    assert together_and_alone(metrics, pictures) == (3, 4)


def test_pictures_given_one_by_one(pictures):
    whole, first, angle = (
        features(FILE + ":Mixing", layers=layers, distance=distance)
        for layers, distance in (((), "l2"), (("0",), "l2"), ((), "cosine"))
    )
    assert trunk(whole) == trunk(angle) != trunk(first)  # which takes a batch
    assert together_and_alone([whole, angle], pictures) == (6, 8)


def test_another_range_of_pixels(pictures):
    metrics = [features(layers=[f"features.{index}"]).for_range(-1, 1) for index in (4, 12)]
    assert together_and_alone(metrics, [2 * each - 1 for each in pictures]) == (3, 4)


def test_a_whole_synthesis():
    picture = madcore.read_image("dead_leaves_color", size=(32, 32))
    metrics = [features(layers=["features.4"]), features(layers=["features.1"], distance="gram")]
    runs = []
    counting = network(metrics[0]).features[0].register_forward_hook(lambda *_: runs.append(torch.is_grad_enabled()))
    result = madcore.synthesize(picture, *metrics, "max", max_iter=8)
    counting.remove()
    assert result.held_error.item() <= result.tolerance
    assert sum(runs) < 1.5 * result.evaluations.item()


def test_other_networks_and_other_input_are_not_shared(pictures):
    metric = features(layers=["features.1"])
    others = [features(layers=["features.1"], **{name: value}) for name, value in OTHERS.items()]
    assert all(trunk(metric) != trunk(other) for other in others)
    assert [network(metric) is network(other) for other in others] == [name != "seed" for name in OTHERS]


OTHERS = {"seed": 7, "size": [32], "mean": [0.3], "std": [0.3]}


@pytest.mark.parametrize("order", [("features.1", "features.12"), ("features.12", "features.1")])
def test_parameters_are_there_once_and_only_those_that_are_used(order):
    metrics = [features(layers=[layer], seed=5) for layer in order]
    held = {name: each.numel() for name, each in network(metrics[0]).named_parameters()}
    assert network(metrics[0]) is network(metrics[1])
    assert (held["features.12.expand3x3.weight"], held["classifier.1.weight"]) == (256 * 64 * 9, 0)


def test_a_deeper_layer_brings_its_parameters_to_every_copy(pictures):
    shallow = features(layers=["features.1"], seed=6)
    double = [each.double() for each in pictures]
    before = shallow(*double)
    deep = features(layers=["features.12"], seed=6)
    assert torch.equal(shallow(*double), before)
    assert together_and_alone([shallow, deep], pictures) == (3, 4)
    torch.testing.assert_close(deep(*double).float(), deep(*pictures))


def test_a_network_is_freed_with_the_last_metric():
    metrics = [features(layers=["features.1"], seed=8) for _ in range(2)]
    watched = weakref.ref(network(metrics[0]))
    del metrics[0]
    gc.collect()
    assert watched() is not None
    metrics.clear()
    gc.collect()
    assert watched() is None


def test_a_module_is_shared_with_itself_alone(pictures):
    net = Net()
    twin = Net()
    twin.load_state_dict(net.state_dict())
    metric, same, other = (features(each, layers=["norm"]) for each in (net, net, twin))
    assert trunk(metric) == trunk(same) != trunk(other)
    assert together_and_alone([metric, same], pictures) == (3, 4)


def test_a_module_that_was_trained_in_between_is_another(pictures):
    net = Net()
    before = features(net, layers=["norm"])
    value = before(*pictures)
    torch.nn.init.ones_(net.first.weight)
    after = features(net, layers=["norm"])
    assert trunk(before) != trunk(after)
    assert torch.equal(before(*pictures), value)
    assert trunk(features(net, layers=["first"])) == trunk(after)


def test_a_module_that_works_in_another_way_is_another(pictures):
    net = Net()
    before = features(net)
    net.relu = torch.nn.Tanh()
    after = features(net)
    assert trunk(before) != trunk(after)
    assert not torch.equal(before(*pictures), after(*pictures))


def test_a_file_that_was_edited_is_another_network(tmp_path, pictures):
    path = tmp_path / "net.py"
    code = (
        "import torch\n\n\nclass Net(torch.nn.Conv2d):\n    def __init__(self):\n        super().__init__(3, 2, {})\n"
    )
    path.write_text(code.format(3))
    before = features(f"{path}:Net")
    assert trunk(before) == trunk(features(f"{path}:Net"))
    path.write_text(code.format(5))
    assert trunk(before) != trunk(features(f"{path}:Net"))


def test_a_network_that_runs_in_two_threads(pictures):
    net = Net()
    shallow, deep = (features(net, layers=layers) for layers in ("first", "first+second"))
    assert trunk(shallow) == trunk(deep)
    wanted = [metric(*pictures) for metric in (shallow, deep)]
    prepared = [metric.prepare(pictures[0]) for metric in (shallow, deep)]
    found = []

    def run_the_other(*_):
        if current_thread() is main_thread():
            with ThreadPoolExecutor(1) as other:
                found.append(other.submit(prepared[1], pictures[1]).result())

    hook = network(shallow).first.register_forward_hook(run_the_other)
    mine = prepared[0](pictures[1])
    hook.remove()
    assert torch.equal(mine, wanted[0])
    assert torch.equal(found[0], wanted[1])


@pytest.fixture
def meet():
    """Let two threads wait for each other where they may both come; where only one can, it goes on alone."""
    barrier = Barrier(2)

    def meeting(*_):
        try:
            barrier.wait(0.2)
        except BrokenBarrierError:
            barrier.reset()

    return meeting


def made_in_two_threads(*layers):
    with ThreadPoolExecutor(2) as both:
        return list(both.map(lambda each: features("networks_for_tests:Net", layers=[each], seed=9), layers))


def test_a_network_that_is_drawn_in_two_threads_is_that_of_its_seed(pictures, monkeypatch, meet):
    class Slow(Net):
        def __init__(self):
            meet()
            super().__init__()
            meet()
            self.last = torch.nn.Linear(4, 5)

    monkeypatch.setattr(networks_for_tests, "Net", Slow)
    (alone,) = made_in_two_threads("last")
    wanted = alone(*pictures)
    assert all(torch.equal(metric(*pictures), wanted) for metric in made_in_two_threads("last", "last"))


def test_one_thread_at_a_time_adds_its_layers(pictures, monkeypatch, meet):
    metrics = made_in_two_threads("last")
    adding, seen, adopt = [], [], Representation.adopt

    def watched(self, other):
        adding.append(other)
        meet()
        seen.append(len(adding))
        adding.remove(other)
        return adopt(self, other)

    monkeypatch.setattr(Representation, "adopt", watched)
    metrics += made_in_two_threads("first", "norm")
    assert seen == [1, 1]
    assert together_and_alone(metrics, pictures) == (4, 6)


def test_layers_that_are_added_while_a_network_is_copied_are_in_the_copy(pictures):
    class Copied(torch.nn.Identity):
        def __deepcopy__(self, memo):
            if not added:
                added.append(another.submit(Representation.adopt, mine, other))
                wait(added, 0.2)
            return torch.nn.Identity()

    class Late(Net):
        def __init__(self):
            super().__init__()
            self.end = Copied()

    added = []
    mine, other = (Representation(Late(), "Late", (layer,), {layer: 1}) for layer in ("first", "last"))
    other.network.load_state_dict(mine.network.state_dict())
    drop_unused(mine.network, {mine.network.last.weight.untyped_storage().data_ptr()})
    mine(pictures[0])
    with ThreadPoolExecutor(1) as another:
        mine(pictures[0].double())
    assert added[0].result()
    assert mine(pictures[0].double(), ("last",))[0].dtype == torch.float64
