"""LPIPS for madcore, declared; nothing here imports torch."""

from __future__ import annotations

from typing import Any, Literal

from madcore import MetricSpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_metrics"]


def build_lpips(
    *,
    net: Literal["alex", "vgg", "squeeze"] = "alex",
    linear: bool = True,
    version: Literal["0.1", "0.0"] = "0.1",
    weights: str | None = "torchvision",
    seed: int = 0,
    data_range: float = 1.0,
) -> Any:
    """Build LPIPS."""
    from madcore_lpips.measure import Lpips
    from madcore_lpips.weights import load_heads, load_network

    network, files = load_network(net, weights, seed)
    heads, head_files = load_heads(net, version) if linear else (None, ())
    return Lpips(network, heads, scaled=version == "0.1", data_range=data_range, weight_files=(*files, *head_files))


@hookimpl
def madcore_metrics() -> list[MetricSpec]:
    """Declare the metric."""
    return [
        MetricSpec(
            "lpips",
            build_lpips,
            "learned perceptual image patch similarity, of AlexNet, VGG16 or SqueezeNet 1.1",
            higher_is_better=False,
            perfect=0.0,
            min_side=31,
            data_range=True,
            caveats=(
                "Smallest side: 31 pixels with net=alex, 16 with vgg, 17 with squeeze.",
                "Grey images are shown to it as colour images of three equal channels.",
                "Images other than the reference can have distance 0: features are compared, and only their direction.",
                "With weights=none the network is untrained, drawn from the seed: its values mean nothing.",
            ),
            weights="torchvision (IMAGENET1K_V1, download.pytorch.org: alex 233 MiB, vgg 528 MiB, squeeze 5 MiB), none "
            "or the path of a state dict of the same torchvision model; calibrated weights are part of lpips",
            licence="lpips: BSD-2-Clause; torchvision: BSD-3-Clause; its networks were trained on ImageNet",
            source="Zhang, Isola, Efros, Shechtman & Wang (2018), doi:10.1109/CVPR.2018.00068",
            requires=("lpips>=0.1.4,<0.2", "torchvision>=0.19"),
        )
    ]
