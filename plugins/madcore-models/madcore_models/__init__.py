"""Distances between the features that networks give to pictures: torchvision's, timm's, or a user's own.

What the plugin brings is declared here; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from madcore import MetricSpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_metrics"]

VGG = "torchvision:vgg19"


def build_features(
    *,
    model: str | Any = "torchvision:vgg16",
    layers: tuple[str, ...] = (),
    layer_weights: tuple[float, ...] = (),
    distance: Literal["l2", "normalized", "cosine", "gram"] = "l2",
    weights: str | None = "DEFAULT",
    seed: int = 0,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    size: tuple[int, ...] = (),
    channel_axis: int | None = None,
    data_range: float = 1.0,
) -> Callable[..., Any]:
    """Build the distance of the features of a network."""
    from madcore_models.features import make_distance

    return make_distance(
        model,
        layers=layers,
        layer_weights=layer_weights,
        distance=distance,
        weights=weights,
        seed=seed,
        mean=mean,
        std=std,
        size=size,
        channel_axis=channel_axis,
        data_range=data_range,
    )


def code_of_features(*, model: str | Any, **others: object) -> tuple[str, ...]:
    """Name the network if making it runs code of the user's own."""
    from madcore_models.networks import is_own

    return (model,) if is_own(model) else ()


def fetched_for_features(*, model: str | Any, **others: object) -> tuple[str, ...]:
    """Name the network if it is not one that torchvision or timm publishes."""
    from madcore_models.networks import is_elsewhere

    return (model,) if is_elsewhere(model) else ()


def build_vgg_content(
    *,
    layers: tuple[str, ...] = ("features.22",),
    weights: str | None = "DEFAULT",
    seed: int = 0,
    data_range: float = 1.0,
) -> Callable[..., Any]:
    """Build the content loss: the mean squared difference of relu4_2."""
    from madcore_models.features import make_distance

    return make_distance(VGG, layers=layers, weights=weights, seed=seed, data_range=data_range)


def build_vgg_style(
    *,
    layers: tuple[str, ...] = ("features.1", "features.6", "features.11", "features.20", "features.29"),
    layer_weights: tuple[float, ...] = (0.2,),
    weights: str | None = "DEFAULT",
    seed: int = 0,
    data_range: float = 1.0,
) -> Callable[..., Any]:
    """Build the style loss: the Gram matrices of relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1."""
    from madcore_models.features import make_distance

    return make_distance(
        VGG,
        layers=layers,
        layer_weights=layer_weights,
        distance="gram",
        weights=weights,
        seed=seed,
        data_range=data_range,
    )


NOT_ONLY_IDENTICAL = "It is 0 for every picture with the same features, not only for the reference."
GREY = "Grey pictures are repeated for a network of colour; colour becomes luma for a network of grey."
UNTRAINED = "weights=none,seed=S is the untrained network: its numbers say nothing of trained features."
PUBLISHED = "torchvision's or timm's, fetched when first used; a user's own file; or none"
FOUND_OUT = "Smallest side, and whether float64 is computed, are the network's: they are found out when it is built."
GIVEN = (
    "Pixels are normalised by the mean and std of the named weights, those of your own network not at all; "
    "pictures are resized only where size says so."
)
GATYS = "Gatys, Ecker & Bethge (2016), doi:10.1109/CVPR.2016.265"
POOLING = "Torchvision's VGG-19 with its maximum pooling; the paper rescales the weights and pools by means."


@hookimpl
def madcore_metrics() -> list[MetricSpec]:
    """Declare the metrics: users write ``models.features,model=./net.py:Net,layers=features.3``."""
    return [
        MetricSpec(
            "features",
            build_features,
            "distance between the features of any network",
            higher_is_better=False,
            perfect=0.0,
            data_range=True,
            caveats=(NOT_ONLY_IDENTICAL, FOUND_OUT, GIVEN, GREY, UNTRAINED),
            weights=PUBLISHED,
            licence="of the network that is named",
            code=code_of_features,
            fetches=fetched_for_features,
        ),
        MetricSpec(
            "vgg_content",
            build_vgg_content,
            "squared difference of VGG-19's relu4_2 (content loss)",
            higher_is_better=False,
            perfect=0.0,
            data_range=True,
            caveats=(NOT_ONLY_IDENTICAL, FOUND_OUT, POOLING, UNTRAINED),
            weights=PUBLISHED,
            source=GATYS,
        ),
        MetricSpec(
            "vgg_style",
            build_vgg_style,
            "difference of the Gram matrices of VGG-19's relu1_1 to relu5_1 (style loss)",
            higher_is_better=False,
            perfect=0.0,
            data_range=True,
            caveats=(
                NOT_ONLY_IDENTICAL,
                "It does not see where in the picture anything is.",
                FOUND_OUT,
                POOLING,
                UNTRAINED,
            ),
            weights=PUBLISHED,
            source=GATYS,
        ),
    ]
