"""The metrics of piq for madcore, declared; nothing here imports torch.

piq's functions take the compared image first; here, as everywhere in madcore, the reference image comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from madcore import MetricSpec, hookimpl
from madcore_piq import builders, oracles

__version__ = "0.1.0"
__all__ = ["madcore_metrics"]

LUMINANCE = "Of a colour image it sees only luminance: any change of chroma at equal luminance has distance 0."
POOLED = "It averages pixels 2 x 2 first: a checkerboard of single pixels has distance 0."
LARGE = "From 384 pixels a side it averages pixels first, round(side / 256) at a time: finer detail vanishes."
UNKNOWN_GREY = "Grey images are shown to it as colour images of three equal channels."
CHROMATIC = "With chromatic=true the gradient is unbounded where a chroma similarity changes sign."
IN_DOUBLE = "Computed in float64 whatever the images' type."
EXPERIMENTAL = "Experimental: "
IMAGENET = "VGG16 of torchvision (IMAGENET1K_V1, 528 MiB, download.pytorch.org)"

_Spec = partial(MetricSpec, data_range=True, requires=("piq>=0.8,<0.9",))


def _similarity(name: str, build: Callable[..., Any], summary: str, **facts: Any) -> MetricSpec:
    return _Spec(name, build, f"one minus {summary}", higher_is_better=True, perfect=1.0, **facts)


def _distance(name: str, build: Callable[..., Any], summary: str, **facts: Any) -> MetricSpec:
    return _Spec(name, build, summary, higher_is_better=False, perfect=0.0, **facts)


METRICS = (
    _similarity(
        "ssim",
        builders.build_ssim,
        "structural similarity; unlike piq without downsampling",
        min_side=11,
        caveats=(
            "Channels are compared one by one and averaged: it knows nothing of how colours look.",
            "With downsample=true: " + LARGE,
        ),
        source="Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861",
    ),
    _similarity(
        "ms_ssim",
        builders.build_ms_ssim,
        "multi-scale structural similarity",
        min_side=161,
        caveats=(
            "Channels are compared one by one and averaged: it knows nothing of how colours look.",
            "A scale with negative similarity counts as 0, and so does the whole: distance 1, gradient 0.",
        ),
        source="Wang, Simoncelli & Bovik (2003), doi:10.1109/ACSSC.2003.1292216",
    ),
    _similarity(
        "iw_ssim",
        builders.build_iw_ssim,
        "information-weighted multi-scale SSIM (experimental)",
        min_side=161,
        oracle=oracles.iw_ssim,
        caveats=(
            EXPERIMENTAL + "a reference image without texture is refused, since its covariance has no inverse.",
            IN_DOUBLE,
            "It takes absolute values of similarities: an image of inverted contrast can be near.",
            LUMINANCE,
        ),
        source="Wang & Li (2011), doi:10.1109/TIP.2010.2092435",
    ),
    _distance(
        "vif",
        builders.build_vif,
        "distance of visual information fidelity (pixel domain) from 1",
        min_side=41,
        oracle=oracles.vif,
        caveats=(
            "Raised contrast has a fidelity above 1, so that images other than the reference have distance 0, "
            "and the gradient jumps there.",
            "It does not see a uniform change of luminance, nor any change of a flat reference image.",
            "Places where the contrast is inverted count as lost: they have no gradient.",
            "Its windows end at the image's border: pixels there, and most of all in the corners, hardly count.",
            LUMINANCE,
        ),
        source="Sheikh & Bovik (2006), doi:10.1109/TIP.2005.859378",
    ),
    _similarity(
        "fsim",
        builders.build_fsim,
        "feature similarity; unlike piq of luminance unless chromatic=true",
        min_side=2,
        caveats=(LUMINANCE, LARGE, CHROMATIC, "Its gradient jumps at many images: thresholds and maxima."),
        source="Zhang, Zhang, Mou & Zhang (2011), doi:10.1109/TIP.2011.2109730",
    ),
    _distance(
        "gmsd",
        builders.build_gmsd,
        "gradient magnitude similarity deviation",
        caveats=(
            LUMINANCE,
            POOLED,
            "It is a standard deviation: a similarity that is lost equally everywhere is none.",
        ),
        source="Xue, Zhang, Mou & Bovik (2014), arXiv:1308.3052",
    ),
    _distance(
        "ms_gmsd",
        builders.build_ms_gmsd,
        "multi-scale gradient magnitude similarity deviation",
        min_side=17,
        caveats=(LUMINANCE, "With chromatic=true chroma counts, by its root mean squared difference."),
        source="Zhang, Sander & Bermak (2017), ICASSP",
    ),
    _similarity(
        "vsi",
        builders.build_vsi,
        "visual saliency-induced index",
        caveats=(
            "It hardly sees a uniform change of luminance, and no difference between two flat images.",
            "Saliency is found in the image shrunk or stretched to 256 x 256 pixels.",
            LARGE,
            UNKNOWN_GREY,
        ),
        source="Zhang, Shen & Li (2014), doi:10.1109/TIP.2014.2346028",
    ),
    _similarity(
        "haarpsi",
        builders.build_haarpsi,
        "Haar wavelet similarity",
        min_side=16,
        caveats=(
            "With subsample=true: " + POOLED,
            "A grey image has another distance than the same image with three equal channels, whose chroma counts.",
        ),
        source="Reisenhofer, Bosse, Kutyniok & Wiegand (2018), doi:10.1016/j.image.2017.11.001",
    ),
    _distance(
        "mdsi",
        builders.build_mdsi,
        "mean deviation similarity index; unlike piq before its fourth root (o=0.25)",
        oracle=oracles.mdsi,
        caveats=(
            "It is a mean deviation: a similarity that is lost equally everywhere is no distance.",
            "Its slope has no bound where the similarity of a place changes sign, since it takes that to the power q: "
            "maximised, it gets stuck where a few places have come there; with q=1 it goes on.",
            LARGE,
            UNKNOWN_GREY,
        ),
        source="Nafchi, Shahkolaei, Hedjam & Cheriet (2016), doi:10.1109/ACCESS.2016.2604042",
    ),
    _similarity(
        "dss",
        builders.build_dss,
        "DCT subband similarity (experimental)",
        min_side=32,
        caveats=(
            EXPERIMENTAL + "it averages the worst blocks alone, so most pixels have no gradient and it jumps.",
            "Pixels beyond the last whole block of 8 x 8 are not seen.",
            IN_DOUBLE,
            LUMINANCE,
        ),
        source="Balanov, Schwartz, Moshe & Peleg (2015), ICIP",
    ),
    _similarity(
        "srsim",
        builders.build_srsim,
        "spectral residual similarity (experimental)",
        min_side=40,
        caveats=(
            EXPERIMENTAL + "saliency is scaled by its own smallest and largest value, where the gradient jumps.",
            LARGE,
            CHROMATIC,
            LUMINANCE,
        ),
        source="Zhang & Li (2012), ICIP",
    ),
    _distance(
        "dists",
        builders.build_dists,
        "deep image structure and texture similarity",
        caveats=(
            "An image with a side above 256 pixels is shrunk so that the smaller has 256, without a filter before.",
            "Textures of equal statistics are near however their pixels differ.",
            UNKNOWN_GREY,
        ),
        weights=f"{IMAGENET} and piq's release v0.4.1 (dists_weights.pt, github.com)",
        licence="piq: Apache-2.0; torchvision: BSD-3-Clause; VGG16 was trained on ImageNet",
        source="Ding, Ma, Wang & Simoncelli (2020), arXiv:2004.07728",
    ),
    _distance(
        "pieapp",
        builders.build_pieapp,
        "perceptual error through pairwise preference, as absolute difference (experimental)",
        min_side=64,
        oracle=oracles.pieapp,
        caveats=(
            EXPERIMENTAL + "its score has a sign; the distance is how far it is from that of identical images, so "
            "that other images can have distance 0, where the gradient jumps.",
            "Patches of 64 x 64 pixels every `stride` pixels are compared: a margin on the right and below is not "
            "seen.",
            UNKNOWN_GREY,
        ),
        weights="piq's release v0.5.4 (PieAPPv0.1.pth, github.com)",
        licence="piq: Apache-2.0; its authors give the training images for non-commercial use only",
        source="Prashnani, Cai, Mostofi & Sen (2018), arXiv:1806.02067",
    ),
)


@hookimpl
def madcore_metrics() -> list[MetricSpec]:
    """Declare the metrics."""
    return list(METRICS)
