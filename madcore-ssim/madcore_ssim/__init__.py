"""What the plugin brings is declared here, and computed in `madcore_ssim.measures`.

Nothing here imports torch: listings stay fast.  Each ``build`` imports what it needs when its metric is first used, and
its keyword-only parameters are the metric's options.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from madcore import MetricSpec, PenaltySpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_metrics", "madcore_penalties"]


def build_gradient(*, step: int = 1, norm: Literal["l1", "l2"] = "l2") -> Callable[..., Any]:
    """Build the distance of image gradients."""
    from madcore_ssim.measures import GradientDistance

    return GradientDistance(step=step, norm=norm)


def build_correlation(*, epsilon: float = 1e-6) -> Callable[..., Any]:
    """Build the correlation of pixels."""
    from functools import partial

    from madcore_ssim.measures import correlation

    return partial(correlation, epsilon=epsilon)


def build_drift() -> Callable[..., Any]:
    """Build the penalty of changes of mean luminance."""
    from madcore_ssim.measures import Drift

    return Drift()


@hookimpl
def madcore_metrics() -> list[MetricSpec]:
    """Declare the metrics: users write ``ssim.gradient,step=2``."""
    return [
        MetricSpec(
            "gradient",
            build_gradient,
            "difference of neighbouring pixels' differences",
            higher_is_better=False,
            perfect=0.0,
            min_side=2,
            caveats=("It does not see a change of mean luminance.",),
        ),
        MetricSpec(
            "correlation",
            build_correlation,
            "Pearson correlation of the pixels",
            higher_is_better=True,
            perfect=1.0,
            caveats=("It does not see a change of contrast or mean luminance.",),
        ),
    ]


@hookimpl
def madcore_penalties() -> list[PenaltySpec]:
    """Declare the penalty."""
    return [PenaltySpec("drift", build_drift, "squared change of each image's mean luminance")]
