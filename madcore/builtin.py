"""The core's own metrics, penalties and engines, declared as any plugin declares its own."""

from __future__ import annotations

from typing import Any, Literal

from madcore.hookspecs import hookimpl
from madcore.specs import EngineSpec, MetricSpec, PenaltySpec

__all__ = ["madcore_engines", "madcore_metrics", "madcore_penalties"]

Window = Literal["gaussian", "uniform"]
Weights = Literal["none", "information"]
Padding = Literal["valid", "reflect"]

CHANNELWISE = "Channels are compared one by one and averaged: it knows nothing of how colours look."
NOT_VISION = "Every pixel counts alike, whatever is around it: it knows nothing of what an eye sees."


def build_mse() -> Any:
    """Build the mean squared error."""
    from madcore.measures.pixelwise import Mse

    return Mse()


def build_mae() -> Any:
    """Build the mean absolute error."""
    from madcore.measures.pixelwise import Mae

    return Mae()


def build_lp(*, p: float = 2.0) -> Any:
    """Build the power mean of order `p` of the absolute error."""
    from madcore.measures.pixelwise import Lp

    return Lp(p=p)


def build_ssim(
    *,
    window: Window = "gaussian",
    size: int = 11,
    sigma: float = 1.5,
    weights: Weights = "none",
    padding: Padding = "valid",
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
) -> Any:
    """Build one minus structural similarity."""
    from madcore.measures.ssim import Ssim

    return Ssim(
        window=window, size=size, sigma=sigma, weights=weights, padding=padding, k1=k1, k2=k2, data_range=data_range
    )


def build_ms_ssim(
    *,
    scale_weights: tuple[float, ...] = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333),
    size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
) -> Any:
    """Build one minus multi-scale structural similarity."""
    from madcore.measures.ms_ssim import MsSsim

    return MsSsim(scale_weights=scale_weights, size=size, sigma=sigma, k1=k1, k2=k2, data_range=data_range)


def build_nlpd(*, data_range: float = 1.0) -> Any:
    """Build the normalized Laplacian pyramid distance."""
    from madcore.measures.nlpd import Nlpd

    return Nlpd(data_range=data_range)


def build_range(*, allowed_range: tuple[float, float] = (0.0, 1.0)) -> Any:
    """Build the squared distance of the pixels from the allowed range."""
    from functools import partial

    from madcore.penalties import penalize_range

    return partial(penalize_range, allowed_range=allowed_range)


def build_total_variation() -> Any:
    """Build the total variation."""
    from madcore.penalties import total_variation

    return total_variation


def build_none() -> Any:
    """Build the penalty that is always zero."""
    from madcore.penalties import no_penalty

    return no_penalty


def build_local(*, device: tuple[str, ...] = ("auto",), threads: int | None = None) -> Any:
    """Build the engine that plays in this process."""
    from madcore.engines.local import Local

    return Local(device, threads)


def build_procs(*, device: tuple[str, ...] = ("auto",), workers: int | None = None, threads: int | None = None) -> Any:
    """Build the engine that plays in processes of this machine."""
    from madcore.engines.procs import Procs

    return Procs(device, workers, threads)


METRICS = (
    MetricSpec(
        "mse",
        build_mse,
        "mean squared error",
        higher_is_better=False,
        perfect=0.0,
        caveats=(NOT_VISION,),
    ),
    MetricSpec(
        "mae",
        build_mae,
        "mean absolute error",
        higher_is_better=False,
        perfect=0.0,
        caveats=(NOT_VISION, "Its gradient jumps where a pixel equals the reference."),
    ),
    MetricSpec(
        "lp",
        build_lp,
        "power mean of order p of the absolute error",
        higher_is_better=False,
        perfect=0.0,
        caveats=(NOT_VISION,),
    ),
    MetricSpec(
        "ssim",
        build_ssim,
        "one minus structural similarity",
        higher_is_better=False,
        perfect=0.0,
        min_side=11,
        data_range=True,
        caveats=(CHANNELWISE, "Changes of luminance count little where the image is bright."),
        source="Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861; information weights: "
        "Wang & Simoncelli (2008), doi:10.1167/8.12.8",
    ),
    MetricSpec(
        "ms_ssim",
        build_ms_ssim,
        "one minus multi-scale structural similarity",
        higher_is_better=False,
        perfect=0.0,
        min_side=161,
        data_range=True,
        caveats=(CHANNELWISE, "Scales with negative contrast similarity count as almost 0."),
        source="Wang, Simoncelli & Bovik (2003), doi:10.1109/ACSSC.2003.1292216",
    ),
    MetricSpec(
        "nlpd",
        build_nlpd,
        "normalized Laplacian pyramid distance",
        higher_is_better=False,
        perfect=0.0,
        min_side=33,
        data_range=True,
        caveats=(CHANNELWISE,),
        source="Laparra, Ballé, Berardino & Simoncelli (2016), doi:10.2352/ISSN.2470-1173.2016.16.HVEI-103",
    ),
)
PENALTIES = (
    PenaltySpec("range", build_range, "sum of the squared distances of pixels from the allowed range"),
    PenaltySpec(
        "total_variation",
        build_total_variation,
        "mean absolute difference of neighbouring pixels",
        source="Rudin, Osher & Fatemi (1992), doi:10.1016/0167-2789(92)90242-F; anisotropic form",
    ),
    PenaltySpec("none", build_none, "no penalty: always zero"),
)
ENGINES = (
    EngineSpec("local", build_local, "in this process, on one device"),
    EngineSpec("procs", build_procs, "one process for each GPU of this machine, or several on its CPU"),
)


@hookimpl
def madcore_metrics() -> list[MetricSpec]:
    """Declare the core's metrics."""
    return list(METRICS)


@hookimpl
def madcore_penalties() -> list[PenaltySpec]:
    """Declare the core's penalties."""
    return list(PENALTIES)


@hookimpl
def madcore_engines() -> list[EngineSpec]:
    """Declare the core's engines."""
    return list(ENGINES)
