"""Which images a metric takes: their type, shape, size and range of pixels."""

from __future__ import annotations

from torch import Tensor

from madcore.errors import InputError

__all__ = ["check_shape", "require_range"]

ROUNDING = 1e-3  # how far outside their range pixels may be, relative to its width


def check_shape(image: Tensor, name: str, channels: tuple[int, ...] | None, min_side: int) -> None:
    """Raise InputError unless images are of a type and shape that the metric of this name takes.

    `channels` are the numbers of channels that it takes, None for images of any shape; `min_side` is their smallest
    height and width in pixels.
    """
    if not image.is_floating_point():
        raise InputError(f"{name} needs floating-point images; got {image.dtype}: convert, e.g. image / 255.0")
    if channels is None:
        return
    if image.ndim != 4:
        raise InputError(f"{name} needs images of shape (N, C, H, W); got {tuple(image.shape)}")
    if image.shape[1] not in channels:
        raise InputError(f"{name} {_refuse_channels(channels, image.shape[1])}")
    if min(image.shape[-2:]) < min_side:
        size = f"{image.shape[-2]} x {image.shape[-1]}"
        raise InputError(f"{name} needs at least {min_side} pixels a side; got {size}")


def require_range(images: Tensor, data_range: float, name: str) -> None:
    """Refuse images with pixels outside the range that a metric was built for, by more than rounding.

    For metrics that would give wrong values in silence; it waits for the device, so check reference images, once.

    Parameters
    ----------
    images : Tensor
        Any shape.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    name : str
        The metric's, for the message.

    Raises
    ------
    InputError
        If a pixel is outside, or NaN.
    """
    if not images.numel():
        return
    low, high = (bound.item() for bound in images.detach().aminmax())
    if not (low >= -ROUNDING * data_range and high <= (1 + ROUNDING) * data_range):
        raise InputError(
            f"{name} needs pixels from 0 to {data_range:g}; got {low:.4g} to {high:.4g}: rescale the images or use "
            "metric.for_range(LOW, HIGH)"
        )


def _refuse_channels(allowed: tuple[int, ...], given: int) -> str:
    """Say which numbers of channels are allowed and how to come by one of them."""
    told = f"takes {' or '.join(map(str, allowed))} channel{'' if allowed == (1,) else 's'}; got {given}"
    if given == 3 and 1 in allowed:
        return f"{told}: reduce it to luma, read_image(..., gray=True) or --gray"
    if given == 1 and 3 in allowed:
        return f"{told}: take a colour picture, or repeat the channel, image.repeat(1, 3, 1, 1)"
    if given == 4 and 3 in allowed:
        return f"{told}: take colour alone, image[:, :3]"
    return told
