"""Words for images and numbers."""

import pytest

from madcore.wording import describe_image, write_error, write_value


@pytest.mark.parametrize(
    ("error", "text"), [(2.4e-8, "2e-8"), (0.0, "0"), (3e-12, "3e-12"), (0.04, "4e-2"), (None, "not finite")]
)
def test_errors_have_one_digit(error, text):
    assert write_error(error) == text


def test_values_keep_their_digits():
    assert [write_value(value) for value in (0.00914, 1.08, 0.0, None)] == ["0.009140", "1.080", "0.000", "not finite"]
    assert write_value(1 / 3, 6) == "0.333333"


def test_images_are_described_by_what_is_optimized_and_held():
    names = {"a": "ssim", "b": "mse", "c": "mae"}
    assert describe_image("a_min", names) == ("ssim minimised", "mse and mae held")
    assert describe_image("c_max", names) == ("mae maximised", "ssim and mse held")
