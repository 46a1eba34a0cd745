"""How each metric is built; keyword-only parameters are its options, under piq's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from madcore_piq.allowed import checked

__all__ = [
    "build_dists",
    "build_dss",
    "build_fsim",
    "build_gmsd",
    "build_haarpsi",
    "build_iw_ssim",
    "build_mdsi",
    "build_ms_gmsd",
    "build_ms_ssim",
    "build_pieapp",
    "build_srsim",
    "build_ssim",
    "build_vif",
    "build_vsi",
]

Weights = tuple[float, ...] | None
SCALES = 5


def _measure(name: str, options: Mapping[str, Any], min_side: int = 1, in_color: bool = False) -> Any:
    from madcore_piq.measures import Measure

    others = {key: value for key, value in options.items() if key != "data_range"}
    return Measure(name, others, options["data_range"], min_side, in_color)


def build_ssim(
    *,
    kernel_size: int = 11,
    kernel_sigma: float = 1.5,
    downsample: bool = False,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
) -> Any:
    """Build piq's SSIM."""
    options = checked("ssim", locals())
    return _measure("ssim", options, kernel_size)


def build_ms_ssim(
    *,
    kernel_size: int = 11,
    kernel_sigma: float = 1.5,
    scale_weights: Weights = None,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
) -> Any:
    """Build piq's multi-scale SSIM."""
    options = checked("ms_ssim", locals())
    return _measure("ms_ssim", options, _pyramid_side(kernel_size, scale_weights))


def build_iw_ssim(
    *,
    kernel_size: int = 11,
    kernel_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    parent: bool = True,
    blk_size: int = 3,
    sigma_nsq: float = 0.4,
    scale_weights: Weights = None,
    data_range: float = 1.0,
) -> Any:
    """Build piq's information-weighted SSIM."""
    options = checked("iw_ssim", locals())
    return _measure("iw_ssim", options, _pyramid_side(kernel_size, scale_weights))


def build_vif(*, sigma_n_sq: float = 2.0, data_range: float = 1.0) -> Any:
    """Build piq's visual information fidelity in the pixel domain."""
    options = checked("vif", locals())
    return _measure("vif", options, 41)


def build_fsim(
    *,
    chromatic: bool = False,
    scales: int = 4,
    orientations: int = 4,
    min_length: int = 6,
    mult: int = 2,
    sigma_f: float = 0.55,
    delta_theta: float = 1.2,
    k: float = 2.0,
    data_range: float = 1.0,
) -> Any:
    """Build piq's FSIM, of luminance or with chrominance."""
    options = checked("fsim", locals())
    return _measure("fsim", options, 2, chromatic)


def build_gmsd(*, t: float = 170 / 255**2, data_range: float = 1.0) -> Any:
    """Build piq's gradient magnitude similarity deviation."""
    options = checked("gmsd", locals())
    return _measure("gmsd", options)


def build_ms_gmsd(
    *,
    scale_weights: Weights = None,
    chromatic: bool = False,
    alpha: float = 0.5,
    beta1: float = 0.01,
    beta2: float = 0.32,
    beta3: float = 15.0,
    t: float = 170.0,
    data_range: float = 1.0,
) -> Any:
    """Build piq's multi-scale GMSD, of luminance or with chrominance."""
    options = checked("ms_gmsd", locals())
    return _measure("ms_gmsd", options, 2 ** (len(scale_weights) if scale_weights else 4) + 1, chromatic)


def build_vsi(
    *,
    c1: float = 1.27,
    c2: float = 386.0,
    c3: float = 130.0,
    alpha: float = 0.4,
    beta: float = 0.02,
    omega_0: float = 0.021,
    sigma_f: float = 1.34,
    sigma_d: float = 145.0,
    sigma_c: float = 0.001,
    data_range: float = 1.0,
) -> Any:
    """Build piq's visual saliency-induced index."""
    options = checked("vsi", locals())
    return _measure("vsi", options, in_color=True)


def build_haarpsi(*, subsample: bool = True, c: float = 30.0, alpha: float = 4.2, data_range: float = 1.0) -> Any:
    """Build piq's Haar wavelet similarity; its option `scales` works with 3 alone."""
    options = checked("haarpsi", locals())
    return _measure("haarpsi", options, 16)


def build_mdsi(
    *,
    c1: float = 140.0,
    c2: float = 55.0,
    c3: float = 550.0,
    combination: Literal["sum", "mult"] = "sum",
    alpha: float = 0.6,
    beta: float = 0.1,
    gamma: float = 0.2,
    rho: float = 1.0,
    q: float = 0.25,
    o: float = 1.0,
    data_range: float = 1.0,
) -> Any:
    """Build piq's mean deviation similarity index."""
    options = checked("mdsi", locals())
    return _measure("mdsi", options, in_color=True)


def build_dss(
    *,
    dct_size: int = 8,
    sigma_weight: float = 1.55,
    kernel_size: int = 3,
    sigma_similarity: float = 1.5,
    percentile: float = 0.05,
    data_range: float = 1.0,
) -> Any:
    """Build piq's DCT subband similarity."""
    options = checked("dss", locals())
    # Of each subband's blocks, the worst `percentile` is averaged: it must be one at least.
    blocks = next(side for side in range(1, math.ceil(1 / percentile) + 1) if round(percentile * side**2))
    return _measure("dss", options, dct_size * blocks)


def build_srsim(
    *,
    chromatic: bool = False,
    scale: float = 0.25,
    kernel_size: int = 3,
    sigma: float = 3.8,
    gaussian_size: int = 10,
    data_range: float = 1.0,
) -> Any:
    """Build piq's spectral residual similarity, of luminance or with chrominance."""
    options = checked("srsim", locals())
    return _measure("srsim", options, math.ceil(max(kernel_size, gaussian_size) / scale), chromatic)


def build_dists(*, data_range: float = 1.0) -> Any:
    """Build piq's DISTS."""
    from madcore_piq.networks import Dists

    return Dists(data_range)


def build_pieapp(*, stride: int = 27, data_range: float = 1.0) -> Any:
    """Build piq's PieAPP."""
    from madcore_piq.networks import PieApp

    return PieApp(**checked("pieapp", {"stride": stride, "data_range": data_range}))


def _pyramid_side(kernel_size: int, scale_weights: Weights) -> int:
    """Return the smallest image that the window fits into after all halvings."""
    return (kernel_size - 1) * 2 ** ((len(scale_weights) if scale_weights else SCALES) - 1) + 1
