"""Which values piq's options can have: piq fails in ways of its own, or returns NaN, for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from madcore import InputError

__all__ = ["checked"]

ODD = {"ssim": {"kernel_size"}, "ms_ssim": {"kernel_size"}, "iw_ssim": {"kernel_size", "blk_size"}}
# All other numbers must be above 0.
MAY_BE_ZERO = {
    "ssim": {"k1", "k2"},
    "ms_ssim": {"k1", "k2"},
    "iw_ssim": {"k1", "k2"},
    "fsim": {"k"},
    "ms_gmsd": {"alpha", "beta1", "beta2", "beta3"},
    "vsi": {"alpha", "beta"},
    "mdsi": {"alpha", "beta", "gamma"},
}
AT_MOST_ONE = {"dss": {"percentile"}}


def checked(metric: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a metric.

    Raises
    ------
    InputError
        If one has a value that piq cannot work with.
    """
    for name, value in options.items():
        if isinstance(value, tuple):
            wanted = "" if value and min(value) >= 0 and sum(value) > 0 else "0 or more, and not all 0"
        elif isinstance(value, int | float):
            wanted = _wanted(metric, name, value)
        else:
            continue
        if wanted:
            given = "+".join(map(str, value)) if isinstance(value, tuple) else value
            raise InputError(f"option {name} of piq.{metric} must be {wanted}; got {given}")
    return dict(options)


def _wanted(metric: str, name: str, value: float) -> str:
    """Say what a number must be, empty if it is."""
    if name in ODD.get(metric, ()):
        return "" if value > 0 and value % 2 else "odd and above 0"
    if name in AT_MOST_ONE.get(metric, ()):
        return "" if 0 < value <= 1 else "above 0 and at most 1"
    if name in MAY_BE_ZERO.get(metric, ()):
        return "" if value >= 0 else "0 or more"
    return "" if value > 0 or isinstance(value, bool) else "above 0"
