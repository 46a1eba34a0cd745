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


def skimage_valid(**options):
    """Average scikit-image's map over the places where an 11 x 11 window is inside the image."""
    return float(structural_similarity(one, two, **options)[1][5:-5, 5:-5].mean())


cases = [
    ("mse", {}, "scikit-image", "mean_squared_error", float(mean_squared_error(one, two)), False),
    ("ssim", {}, "scikit-image", f"structural_similarity({window}), valid region", 1 - skimage_valid(**window), False),
    ("ssim", {}, "piq", "ssim(downsample=False)", 1 - piq.ssim(mad_image, image, downsample=False).item(), True),
    ("ms_ssim", {}, "piq", "multi_scale_ssim", 1 - piq.multi_scale_ssim(mad_image, image).item(), True),
    ("nlpd", {}, "plenoptic", "nlpd", plenoptic.metric.nlpd(grey, mad_grey).item(), False),
    ("ssim", {}, "plenoptic", "ssim", 1 - plenoptic.metric.ssim(grey, mad_grey).item(), False),
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
