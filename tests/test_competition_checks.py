"""What MADCompetition accepts and refuses."""

import pytest
import torch

import madcore
from madcore.errors import ContractError, InputError

IMAGE = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)


def mse(image, mad_image):
    return (image - mad_image).square().mean()


def make(image=IMAGE, optimized=mse, reference=mse, minmax="min", tradeoff=1.0, **options):
    return madcore.MADCompetition(image, optimized, reference, minmax, tradeoff, **options)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"minmax": "least"}, InputError, "'min' or 'max'; got 'least'"),
        ({"penalty_lambda": -0.1}, InputError, "0 or more; got -0.1"),
        ({"tradeoff": float("nan")}, InputError, "math.inf or None"),
        ({"tradeoff": "large"}, TypeError, "must be a number; got 'large'"),
        ({"penalty_lambda": None}, TypeError, "must be a number; got None"),
        ({"image": IMAGE.mul(255).byte()}, TypeError, "image / 255"),
        ({"image": IMAGE.numpy()}, TypeError, "got ndarray"),
        ({"image": IMAGE / 0}, InputError, "finite pixels"),
        ({"optimized": 3}, TypeError, "a name or a callable"),
        ({"reference": lambda image: image.sum()}, TypeError, "two tensors"),
        ({"optimized": lambda image, other: 0.0}, ContractError, "must return a tensor"),
        ({"optimized": lambda image, other: (image - other).square()}, ContractError, r"shape \(1, 1, 8, 8\)"),
        ({"reference": lambda image, other: 1 - mse(image, other)}, ContractError, "similarity"),
        ({"reference": lambda image, other: -mse(image, other)}, ContractError, "not be negative"),
        ({"penalty_function": 3}, TypeError, "callable of one tensor"),
        ({"penalty_function": lambda image, other: image}, TypeError, "one tensor"),
        ({"penalty_function": lambda image: 0.0}, ContractError, "must return a tensor"),
        ({"penalty_function": lambda image: image.square()}, ContractError, "one number"),
        ({"penalty_function": lambda image: image.detach().sum()}, ContractError, "no gradient"),
        ({"penalty_function": torch.nn.Linear(8, 1)}, ContractError, "one number"),
        ({"penalty_function": lambda image: torch.tensor(image.numpy().sum())}, ContractError, "requires a gradient"),
        ({"penalty_function": lambda image: image.sum().double()}, TypeError, "float32"),
        ({"optimized": "no_such_metric"}, LookupError, "no_such_metric"),
    ],
)
def test_refuses_in_one_line(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        make(**arguments)
    assert isinstance(caught.value, madcore.MadcoreError)
    assert "\n" not in str(caught.value)


def test_refuses_a_penalty_with_trainable_parameters():
    scale = torch.nn.Parameter(torch.ones(()))
    with pytest.raises(ContractError, match="freeze"):
        make(penalty_function=lambda image: (image * scale).sum())


def test_warns_of_a_range_other_than_zero_to_one():
    with pytest.warns(UserWarning, match=r"range \[0, 255\]"):
        make(IMAGE * 255)


def test_warns_of_unusual_dimensions():
    with pytest.warns(UserWarning, match="1 dimensions"):
        make(IMAGE.flatten())


def test_accepts_the_rounding_of_a_similarity_at_identity():
    made = make(optimized=lambda image, other: mse(image, other) + 4e-7)
    assert made.minmax == "min"


def test_sums_a_penalty_with_one_value_for_each_image():
    batch = torch.cat([IMAGE + 0.5, IMAGE - 0.5])
    with pytest.warns(UserWarning, match="range"):
        made = make(batch)
    made.setup(0.0)
    torch.testing.assert_close(made.penalties[0], made.penalty_function(batch).sum())


def test_leaves_the_image_of_the_caller_alone():
    image = IMAGE.clone().requires_grad_()
    made = make(image)
    made.synthesize(2)
    assert image.grad is None
    assert not made.image.requires_grad
