"""Regenerate measures.json: values of other libraries on the picture pair of tests/pictures.py."""

import importlib.metadata
import json
import pathlib
import warnings

import piq
import plenoptic
from pictures import pair
from skimage.metrics import mean_squared_error, structural_similarity

warnings.simplefilter("ignore")
image, mad_image = pair()
grey, mad_grey = image[:, :1], mad_image[:, :1]
one, two = (t[0, 0].numpy() for t in (grey, mad_grey))
window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0, "full": True}
uniform = {"win_size": 7, "use_sample_covariance": False, "data_range": 1.0, "full": True}


def skimage_valid(reach, **options):
    """Average scikit-image's map over the places where the window is inside the image."""
    return float(structural_similarity(one, two, **options)[1][reach:-reach, reach:-reach].mean())


cases = [
    ("mse", {}, "scikit-image", "mean_squared_error", float(mean_squared_error(one, two)), False),
    (
        "ssim",
        {},
        "scikit-image",
        f"structural_similarity({window}), valid region",
        1 - skimage_valid(5, **window),
        False,
    ),
    (
        "ssim",
        {"window": "uniform", "size": 7},
        "scikit-image",
        f"structural_similarity({uniform}), valid region",
        1 - skimage_valid(3, **uniform),
        False,
    ),
    ("ssim", {}, "piq", "ssim(downsample=False)", 1 - piq.ssim(mad_image, image, downsample=False).item(), True),
    ("ms_ssim", {}, "piq", "multi_scale_ssim", 1 - piq.multi_scale_ssim(mad_image, image).item(), True),
    ("nlpd", {}, "plenoptic", "nlpd", plenoptic.metric.nlpd(grey, mad_grey).item(), False),
    ("ssim", {}, "plenoptic", "ssim", 1 - plenoptic.metric.ssim(grey, mad_grey).item(), False),
    (
        "ssim",
        {"weights": "information"},
        "plenoptic",
        "ssim(weighted=True)",
        1 - plenoptic.metric.ssim(grey, mad_grey, weighted=True).item(),
        False,
    ),
    (
        "ssim",
        {"padding": "reflect"},
        "plenoptic",
        "ssim(pad='reflect')",
        1 - plenoptic.metric.ssim(grey, mad_grey, pad="reflect").item(),
        False,
    ),
    ("ms_ssim", {}, "plenoptic", "ms_ssim", 1 - plenoptic.metric.ms_ssim(grey, mad_grey).item(), False),
]
rows = [
    {
        "metric": name,
        "options": options,
        "library": library,
        "version": importlib.metadata.version(library),
        "call": call,
        "value": value,
        "colour": colour,
    }
    for name, options, library, call, value, colour in cases
]
pathlib.Path(__file__).with_name("measures.json").write_text(json.dumps(rows, indent=1) + "\n")
