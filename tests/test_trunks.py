"""Metrics with one trunk: it runs once at every image, and each metric is what it is alone."""

import math
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import nn

import madcore
from madcore.problem import MADProblem, signs
from madcore.testing import check_prepared
from madcore.trunks import Together

MATRICES = torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@dataclass(frozen=True)
class Cascade:
    """Channels mixed and squashed layer by layer; notes what it is asked for, and one layer may have no gradient."""

    name: str = ""
    broken: int | None = None
    asked: list = field(default_factory=list, compare=False)

    def __call__(self, images, layers):
        self.asked.append(layers)
        outputs = [images]
        for depth in range(max(layers)):
            if images.requires_grad and depth + 1 == self.broken:
                raise RuntimeError(f"layer {self.broken} is broken")
            outputs.append(torch.einsum("ij,njhw->nihw", MATRICES[depth].to(images), outputs[-1]).tanh())
        return [outputs[layer] for layer in layers]


@dataclass(frozen=True)
class Distance:
    trunk: Cascade
    layers: tuple
    scale: float = 1.0

    def __call__(self, image, mad_image):
        return self.prepare(image)(mad_image)

    def prepare(self, image):
        return Prepared(self, self.trunk(image, self.layers))


@dataclass(frozen=True)
class Prepared:
    distance: Distance
    wanted: list

    trunk = property(lambda self: self.distance.trunk)
    layers = property(lambda self: self.distance.layers)

    def __call__(self, mad_image):
        return self.from_features(self.trunk(mad_image, self.layers))

    def from_features(self, features):
        pairs = zip(self.wanted, features, strict=True)
        terms = [(one - other).square().flatten(1).mean(1) for one, other in pairs]
        return self.distance.scale * torch.stack(terms).sum(0)


@pytest.fixture
def pair():
    return torch.rand(2, 3, 3, 8, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64).unbind()


class Silent(Distance):
    """Says nothing of its trunk."""

    def prepare(self, image):
        return super().prepare(image).__call__


class Detached(Distance):
    def prepare(self, image):
        return PreparedDetached(self, self.trunk(image, self.layers))


class PreparedDetached(Prepared):
    def from_features(self, features):
        return super().from_features([each.detach() for each in features])


class Inconsistent(Distance):
    def prepare(self, image):
        return PreparedInconsistent(self, self.trunk(image, self.layers))


class PreparedInconsistent(Prepared):
    def __call__(self, mad_image):
        return 1.1 * super().__call__(mad_image)


class InItsOwnOrder(Cascade):
    def __call__(self, images, layers):
        return super().__call__(images, tuple(sorted(layers)))


class WithOneMore(Cascade):
    def __call__(self, images, layers):
        return [*super().__call__(images, layers), images]


class Hungry(Cascade):
    def __call__(self, images, layers):
        features = super().__call__(images, layers)
        if images.requires_grad:
            raise MemoryError
        return features


class Unhashable:
    __hash__ = None

    def __call__(self, images, layers):
        return [images for _ in layers]


def metric(trunk, *layers, kind=Distance, scale=1.0, **options):
    return madcore.Metric(kind(trunk, layers, scale), f"layers {layers}", **options)


def make_problem(image, *metrics):
    return MADProblem.create(image, metrics[0], metrics[1:], signs("min", len(image)))


def alone(metrics, image, mad_image):
    return [each.prepare(image).value_and_gradient(mad_image) for each in metrics]


def assert_as_alone(metrics, image, mad_image):
    """Values are the same bit for bit."""
    together = Together(tuple(each.prepare(image) for each in metrics)).values_and_gradients(mad_image)
    for ours, wanted in zip(together, alone(metrics, image, mad_image), strict=True):
        assert torch.equal(ours[0], wanted[0])
        torch.testing.assert_close(ours[1], wanted[1], rtol=1e-12, atol=0)


def test_an_evaluation_runs_the_trunk_once_for_all_layers_that_are_wanted(pair):
    trunk = Cascade()
    problem = make_problem(pair[0], metric(trunk, 1), metric(trunk, 2, 1), metric(trunk, 1, 0))
    trunk.asked.clear()
    problem.evaluate(pair[1].flatten(1))
    assert trunk.asked == [(1, 2, 0)]


def test_an_evaluation_is_that_of_the_metrics_alone(pair):
    metrics = metric(Cascade(), 2), metric(Cascade(), 2, 1)
    (value, gradient), (held, slope) = alone(metrics, *pair)
    evaluation = make_problem(pair[0], *metrics).evaluate(pair[1].flatten(1))
    assert torch.equal(evaluation.optimized, value)
    assert torch.equal(evaluation.held[:, 0], held)
    torch.testing.assert_close(evaluation.gradient, gradient.flatten(1), rtol=1e-12, atol=0)
    torch.testing.assert_close(evaluation.jacobian[:, 0], slope.flatten(1), rtol=1e-12, atol=0)


def test_held_values_run_the_trunk_once(pair):
    trunk = Cascade()
    metrics = madcore.create_metric("mse"), metric(trunk, 2, similarity=True), metric(trunk, 1)
    problem = make_problem(pair[0], *metrics)
    trunk.asked.clear()
    found = problem.held_values(pair[1].flatten(1))
    assert trunk.asked == [(2, 1)]
    assert torch.equal(found, torch.stack([each(*pair) for each in metrics[1:]], 1))
    assert not found.requires_grad


def test_held_values_of_exchanged_metrics_run_the_trunk_once_for_the_others(pair):
    trunk = Cascade()
    metrics = madcore.create_metric("mse"), metric(Cascade("of the first"), 1), metric(trunk, 1), metric(trunk, 2)
    four = make_problem(pair[0], *metrics).fourfold()
    point = pair[1].flatten(1).repeat(4, 1)
    trunk.asked.clear()
    found = four.held_values(point)
    assert trunk.asked == [(1, 2)]
    assert torch.equal(found, four.evaluate(point).held)


def test_exchanged_metrics_share_too(pair):
    trunk = Cascade()
    point = pair[1].flatten(1).repeat(4, 1)
    four, apart = (
        make_problem(pair[0], metric(trunk, 1, kind=kind), metric(trunk, 2)).fourfold() for kind in (Distance, Silent)
    )
    trunk.asked.clear()
    ours = four.evaluate(point)
    assert trunk.asked == [(1, 2)]
    wanted = apart.evaluate(point)
    assert trunk.asked == [(1, 2), (1,), (2,)]
    assert torch.equal(ours.optimized, wanted.optimized)
    assert torch.equal(ours.held, wanted.held)
    torch.testing.assert_close(ours.gradient, wanted.gradient, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.jacobian, wanted.jacobian, rtol=1e-12, atol=0)


@pytest.mark.parametrize("trade_off", [10.0, math.inf], ids=["trade-off", "level set"])
def test_a_competition_runs_the_trunk_once_an_iteration(trade_off, pair):
    losses = []
    for kind in (Distance, Silent):
        trunk = Cascade()
        metrics = metric(trunk, 1, kind=kind), metric(trunk, 2, kind=kind)
        competition = madcore.MADCompetition(pair[0][:1], *metrics, "min", trade_off)
        torch.manual_seed(0)
        competition.synthesize(max_iter=2)
        trunk.asked.clear()
        competition.synthesize(max_iter=3)
        both = trunk.asked.count((1, 2))
        assert (both >= 3) == (kind is Distance)
        assert trunk.asked.count((1,)) == 0 or kind is Silent
        losses.append(torch.as_tensor(competition.losses))
    torch.testing.assert_close(*losses, rtol=1e-9, atol=0)


def test_separately_made_trunks_that_are_equal_are_one(pair):
    one, other = Cascade("same"), Cascade("same")
    assert_as_alone([metric(one, 2), metric(other, 1)], *pair)
    assert (2, 1) in one.asked
    assert (2, 1) not in other.asked


def test_other_trunks_and_metrics_that_say_nothing_are_evaluated_alone(pair):
    one, other = Cascade("one"), Cascade("other")
    metrics = [metric(one, 2), madcore.create_metric("ssim,size=5"), metric(other, 1), madcore.create_metric("mse")]
    assert_as_alone(metrics, *pair)
    assert set(one.asked) == {(2,)}
    assert set(other.asked) == {(1,)}


def test_a_similarity_and_a_distance_share(pair):
    trunk = Cascade()
    similarity = metric(trunk, 1, similarity=True, scale=-1.0)
    assert_as_alone([similarity, metric(trunk, 2)], *pair)
    assert (1, 2) in trunk.asked


def test_the_pixel_range_is_part_of_what_is_looked_at(pair):
    trunk = Cascade()
    shifted = [replace(metric(trunk, layer), low=-1.0, rebuild=lambda width: None) for layer in (1, 2)]
    assert_as_alone(shifted, *pair)
    assert (1, 2) in trunk.asked
    trunk.asked.clear()
    assert_as_alone([shifted[0], metric(trunk, 2)], *pair)
    assert (1, 2) not in trunk.asked


@pytest.mark.parametrize("layers", [(1, 2), (2, 1)])
def test_an_error_names_the_metric_whose_layer_it_is(layers, pair):
    problem = make_problem(pair[0], *(metric(Cascade(broken=2), layer) for layer in layers))
    with pytest.raises(madcore.ContractError, match=r"^metric layers \(2,\) raised RuntimeError: layer 2 is broken$"):
        problem.evaluate(pair[1].flatten(1))


def test_what_a_metric_makes_of_the_features_is_its_own_fault(pair):
    prepared = tuple(metric(Cascade(), layer).prepare(pair[0]) for layer in (1, 2))
    prepared[1].function.wanted.clear()
    with pytest.raises(madcore.ContractError, match=r"^metric layers \(2,\) raised ValueError: zip"):
        Together(prepared).values_and_gradients(pair[1])


def test_a_metric_without_a_gradient_is_named(pair):
    problem = make_problem(pair[0], metric(Cascade(), 2), metric(Cascade(), 1, kind=Detached))
    with pytest.raises(madcore.ContractError, match=r"^layers \(1,\) has no gradient"):
        problem.evaluate(pair[1].flatten(1))


def test_running_out_of_memory_is_not_tried_again(pair):
    trunk = Hungry()
    problem = make_problem(pair[0], metric(trunk, 1), metric(trunk, 2))
    trunk.asked.clear()
    with pytest.raises(MemoryError):
        problem.evaluate(pair[1].flatten(1))
    assert trunk.asked == [(1, 2)]


def test_a_trunk_that_cannot_be_compared_is_refused(pair):
    problem = make_problem(pair[0], metric(Unhashable(), 0), metric(Unhashable(), 0))
    with pytest.raises(
        madcore.ContractError, match=r"^metric layers \(0,\) names a trunk that cannot be compared: unha"
    ):
        problem.evaluate(pair[1].flatten(1))


def test_an_attribute_that_happens_to_be_called_trunk_means_nothing(pair):
    class Body(nn.Linear):
        trunk = "of a tree"

        def __call__(self, image, mad_image):
            return (image - mad_image).square().flatten(1).mean(1)

        def prepare(self, image):
            prepared = nn.Identity()
            prepared.trunk, prepared.forward = "of a tree", lambda mad_image: self(image, mad_image)
            return prepared

    assert_as_alone([madcore.Metric(Body(1, 1), name) for name in "ab"], *pair)


def test_the_contract_looks_through_the_trunk():
    assert check_prepared(metric(Cascade(), 2, 1)).measured.endswith("through its trunk to 0")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (Distance(InItsOwnOrder(), (1, 2)), "from the features of its trunk and alone, it differs by"),
        (Inconsistent(Cascade(), (1,)), "from the features of its trunk and alone, it differs by"),
        (Distance(WithOneMore(), (1,)), "its trunk, asked for the features of 1 layers, returned 2"),
        (Distance(Unhashable(), (0,)), "names a trunk that cannot be compared"),
    ],
)
def test_a_wrong_trunk_breaks_the_contract(function, told):
    verdict = check_prepared(function)
    assert verdict.broken
    assert told in verdict.measured
