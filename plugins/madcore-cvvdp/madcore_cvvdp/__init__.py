"""ColorVideoVDP: how visible the difference of two pictures is on a display, in just-objectionable differences.

What the plugin brings is declared here; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from madcore import MetricSpec, hookimpl
from madcore_cvvdp.oracle import make_oracle

__version__ = "0.1.0"
__all__ = ["madcore_metrics"]


def build_cvvdp(
    *, display: str = "standard_4k", pixels_per_degree: float | None = None, data_range: float = 1.0
) -> Callable[..., Any]:
    """Build ColorVideoVDP for pictures on a display."""
    from madcore_cvvdp.visibility import Visibility

    return Visibility(display, pixels_per_degree, data_range)


@hookimpl
def madcore_metrics() -> list[MetricSpec]:
    """Declare the metric: users write ``cvvdp.cvvdp,display=standard_phone``."""
    return [
        MetricSpec(
            "cvvdp",
            build_cvvdp,
            "ColorVideoVDP for still pictures: 10 minus quality in JOD",
            higher_is_better=False,
            perfect=0.0,
            min_side=2,
            dtypes=("float32",),
            data_range=True,
            caveats=(
                "It computes in float32 only.",
                "Differences too small to be seen count 0 and have no gradient; start from noise of 0.02 or more.",
                "Between flat pictures it is 0, also from black to white.",
                "It is not symmetric in the two pictures.",
                "Pixels are taken as sRGB, shown on the display that the option names.",
            ),
            weights="in the cvvdp distribution",
            licence="MIT",
            source="Mantiuk, Hanji, Ashraf, Asano & Chapiro (2024), doi:10.1145/3658144",
            requires=("cvvdp>=0.5.7,<0.6",),
            oracle=make_oracle,
        )
    ]
