"""Truths that can be computed by hand."""

import pytest
import torch
from madcore_models.distances import DISTANCES, channels_last


def distance(name, one, other):
    comparison = DISTANCES[name]
    return comparison.compare(comparison.describe(channels_last(one)), channels_last(other))


@pytest.fixture
def features():
    return torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64).unbind()


def test_l2_is_the_mean_square(features):
    wanted = (features[0] - features[1]).square().flatten(1).mean(1)
    torch.testing.assert_close(distance("l2", *features[:2]), wanted)


def test_cosine_is_one_minus_the_cosine_of_the_whole_layers(features):
    one, other = (each.flatten(1) for each in features[:2])
    wanted = 1 - torch.nn.functional.cosine_similarity(one, other)
    torch.testing.assert_close(distance("cosine", *features[:2]), wanted)


def test_normalized_is_twice_the_mean_of_one_minus_the_cosines_of_positions(features):
    wanted = 2 * (1 - torch.nn.functional.cosine_similarity(features[0], features[1])).flatten(1).mean(1)
    torch.testing.assert_close(distance("normalized", *features[:2]), wanted)


def test_gram_is_four_times_the_layer_loss_of_gatys(features):
    count, channels, positions = 3, 4, 30
    one, other = (each.reshape(count, channels, positions) for each in features[:2])
    difference = one @ one.mT - other @ other.mT
    gatys = difference.square().sum((1, 2)) / (4 * channels**2 * positions**2)
    torch.testing.assert_close(distance("gram", *features[:2]), 4 * gatys)


@pytest.mark.parametrize("name", ["gram", "normalized"])
def test_transposed_layouts_have_one_value(name, features):
    tokens = [each.flatten(2).mT for each in features[:2]]
    torch.testing.assert_close(distance(name, *features[:2]), distance(name, *tokens))


def test_gram_does_not_see_where_anything_is(features):
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    moved = features[0].flatten(2)[..., order].reshape(features[0].shape)
    assert distance("gram", features[0], moved).abs().max() < 1e-20


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_with_a_finite_gradient_for_equal_features(name, value, dtype):
    one = torch.full((1, 4, 5, 6), value, dtype=dtype)
    other = one.clone().requires_grad_()
    result = distance(name, one, other)
    (gradient,) = torch.autograd.grad(result.sum(), other)
    assert result.item() == 0
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", DISTANCES)
def test_does_not_grow_with_the_picture(name, features):
    tiled = [each.repeat(1, 1, 2, 3) for each in features[:2]]
    torch.testing.assert_close(distance(name, *tiled), distance(name, *features[:2]))


def test_channel_axis_can_be_named(features):
    last = features[0].movedim(1, -1)
    torch.testing.assert_close(channels_last(last, -1), channels_last(features[0]))
