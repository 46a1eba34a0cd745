"""Real networks, with weights drawn from a seed: behaviour is tested, not what trained features see."""

import copy

import pytest
import torch
from networks_for_tests import Grey, Net

import madcore

HERE = __file__.rpartition("/")[0]
FILE = f"{HERE}/networks_for_tests.py"


def features(name, **options):
    return madcore.create_metric("models.features", model=f"{FILE}:{name}", **options)


def module_distance(module, **options):
    return madcore.create_metric("models.features", model=module, **options)


def test_l2_of_a_tap_is_that_of_the_layers_own_output(pair):
    net = Net().double().eval()
    wanted = (net.norm(net.first(pair[0])) - net.norm(net.first(pair[1]))).square().flatten(1).mean(1)
    torch.testing.assert_close(module_distance(net, layers=["norm"])(*pair), wanted)


def test_a_tap_is_not_changed_by_what_works_in_place_after_it(pair):
    net = Net().double().eval()
    with torch.no_grad():
        assert not torch.equal(net.first(pair[0]), net.first(pair[0]).relu())
        wanted = (net.first(pair[0]) - net.first(pair[1])).square().flatten(1).mean(1)
    torch.testing.assert_close(module_distance(torch.nn.Sequential(net.first, net.relu), layers=["0"])(*pair), wanted)


def test_other_range_of_pixels(pair):
    for metric in (features("Net"), madcore.create_metric("models.vgg_style,weights=none,layers=features.1")):
        wide = metric.for_range(0, 255)
        torch.testing.assert_close(wide(255 * pair[0], 255 * pair[1]), metric(*pair))
        with pytest.raises(madcore.InputError, match=r"pixels from 0 to 1; got .* metric.for_range\(LOW, HIGH\)$"):
            metric(2 * pair[0] - 1, 2 * pair[1] - 1)


def test_of_a_layer_that_runs_twice_the_last_output_counts(pair):
    net = Net().double().eval()

    def last(image):
        return net.relu(net.second(net.relu(net.norm(net.first(image)))))

    wanted = (last(pair[0]) - last(pair[1])).square().flatten(1).mean(1)
    torch.testing.assert_close(module_distance(net, layers=["relu"])(*pair), wanted)


def test_layers_are_summed_by_their_weights(pair):
    one, other = (features("fixed", layers=[layer])(*pair) for layer in ("first", "second"))
    both = features("fixed", layers=["second", "first"], layer_weights=[0.5, 2.0])
    torch.testing.assert_close(both(*pair), 2 * one + 0.5 * other)


def test_without_layers_the_output_is_compared(pair):
    net = Net().double().eval()
    torch.testing.assert_close(module_distance(net)(*pair), (net(pair[0]) - net(pair[1])).square().mean(1))


def test_a_run_ends_after_the_deepest_layer(pair):
    metric = features("Net", layers=["norm", "first"], seed=2)  # a network of its own
    network = next(iter(metric.function.trunk.representation.copies.values()))
    network.second.register_forward_hook(lambda *_: pytest.fail("it ran on"))
    metric.function.trunk.representation.copies.clear()
    metric(*pair)


def test_what_only_later_layers_use_is_freed():
    metric = features("Net", layers=["norm"], seed=3)  # a network of its own
    network = metric.function.trunk.representation.network
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert sizes["first.weight"] == 108
    assert (sizes["second.weight"], sizes["last.weight"]) == (0, 0)


def test_the_users_module_is_left_alone(pair):
    net = Net().train()
    before = copy.deepcopy(net.state_dict())
    metric = module_distance(net, layers=["norm"])
    metric.prepare(pair[0]).value_and_gradient(pair[1])
    torch.testing.assert_close(net.state_dict(), before)
    assert all(module.training and not module._forward_hooks for module in net.modules())
    assert all(each.requires_grad and each.grad is None and each.numel() for each in net.parameters())


def test_training_the_module_later_changes_nothing(pair):
    net = Net()
    metric = module_distance(net)
    before = metric(*pair)
    torch.nn.init.zeros_(net.last.weight)
    torch.testing.assert_close(metric(*pair), before)


def test_hooks_are_gone_after_an_error():
    metric = features("Net", layers=["norm"])
    with pytest.raises(madcore.InputError, match="cannot take pictures of 1 x 3 x 0 x 5"):
        metric.function(*torch.zeros(2, 1, 3, 0, 5))
    network = metric.function.trunk.representation.network
    assert not any(module._forward_hooks for module in network.modules())


def test_reference_features_are_computed_once(pair):
    metric = features("Net", layers=["norm"])
    metric(*pair)
    network = metric.function.trunk.representation.copies[torch.float64, torch.device("cpu")]
    runs = []
    network.first.register_forward_hook(lambda *_: runs.append(1))
    prepared = metric.prepare(pair[0])
    for _ in range(3):
        prepared.value_and_gradient(pair[1])
    assert len(runs) == 4


def test_parameters_get_no_gradient(pair):
    metric = features("Net")
    metric.prepare(pair[0])(pair[1].clone().requires_grad_()).sum().backward()
    network = metric.function.trunk.representation.copies[torch.float64, torch.device("cpu")]
    assert all(each.grad is None for each in network.parameters())


def test_grey_is_repeated_for_a_network_of_colour(pair):
    metric = features("Net", layers=["second"])
    grey = [image.mean(1, keepdim=True) for image in pair]
    torch.testing.assert_close(metric(*grey), metric(*(image.repeat(1, 3, 1, 1) for image in grey)))


def test_colour_becomes_luma_for_a_network_of_grey(pair):
    metric = module_distance(Grey().double())
    luma = [(image * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True) for image in pair]
    torch.testing.assert_close(metric(*pair), metric(*luma))


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_refused(channels):
    with pytest.raises(madcore.InputError, match=f"takes 1 or 3 channels; got {channels}"):
        features("Net")(*torch.rand(2, 1, channels, 16, 16))


def test_a_network_that_mixes_pictures_is_given_one_at_a_time(pair):
    metric = features("Mixing")
    singles = [metric(pair[0][index : index + 1], pair[1][index : index + 1]) for index in range(2)]
    torch.testing.assert_close(metric(*pair), torch.cat(singles))


def test_a_float32_network_says_so():
    assert features("Double").dtypes == ("float32",)
    assert features("Net").dtypes == ("float32", "float64")


def test_a_network_that_breaks_after_the_wanted_layers_does(pair):
    torch.testing.assert_close(
        features("Head", layers=["norm"], seed=1)(*pair), features("Net", layers=["norm"], seed=1)(*pair)
    )


def test_untrained_networks_differ_by_seed_and_leave_the_generator(pair):
    state = torch.get_rng_state()
    one, same, other = (features("Net", seed=seed)(*pair) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_running_a_file_first_does_not_change_what_is_drawn(tmp_path, pair):
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\n\nother = torch.nn.Linear(3, 3)\n\n\ndef make():\n    return torch.nn.Conv2d(3, 2, 3)\n"
    )
    first, again = (madcore.create_metric("models.features", model=f"{path}:make")(*pair) for _ in range(2))
    assert torch.equal(first, again)


def test_mean_and_std_are_the_users(pair):
    plain = features("Net", layers=["first"])
    scaled = features("Net", layers=["first"], mean=[0.3, 0.4, 0.5], std=[0.5])
    torch.testing.assert_close(scaled(*pair), 4 * plain(*pair))


def test_size_resizes_every_picture(pair):
    metric = features("Net", size=[12, 16])
    assert metric.min_side == 1
    small = [torch.nn.functional.interpolate(each, (12, 16), mode="bilinear", antialias=True) for each in pair]
    torch.testing.assert_close(metric(*pair), metric(*small))


def test_the_smallest_side_is_found_by_trial():
    metric = features("Grey")
    assert metric.min_side == 5
    metric(*torch.rand(2, 1, 1, 5, 5))
    with pytest.raises(madcore.InputError, match="needs at least 5 pixels a side; got 4 x 9"):
        metric(*torch.rand(2, 1, 1, 4, 9))


@pytest.mark.parametrize("distance", ["l2", "normalized", "cosine", "gram"])
def test_gradient_is_that_of_finite_differences(distance, pair):
    metric = features("fixed", layers=["norm"], distance=distance)
    assert torch.autograd.gradcheck(metric.prepare(pair[0][:1, :, :5, :4]), pair[1][:1, :, :5, :4].requires_grad_())
