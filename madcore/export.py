"""Results as files and as entries of a record: what a folder says of an image was measured on what is written there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from madcore.images import decode_image, encode_png
from madcore.metric import Metric
from madcore.quantization import quantize
from madcore.results import Result

__all__ = ["describe_result", "measure"]


def measure(metrics: Mapping[str, Metric], image: Tensor, picture: Tensor) -> dict[str, float]:
    """Compute every metric between the reference image and a picture, in float64 where the metric allows it.

    Parameters
    ----------
    metrics : mapping of Metric
        By letter.
    image, picture : Tensor
        Reference image and the other, (1, C, H, W).
    """
    return {letter: _value(metric, image, picture) for letter, metric in metrics.items()}


def _value(metric: Metric, image: Tensor, picture: Tensor) -> float:
    with torch.no_grad():
        if "float64" in metric.dtypes:
            try:
                return float(metric(image.double(), picture.to(image.device).double()))
            except RuntimeError:  # a module whose parameters are float32 refuses float64 images
                pass
        return float(metric(image.float(), picture.to(image.device).float()))


def describe_result(
    name: str, result: Result, metrics: Mapping[str, Metric], bits: int
) -> tuple[dict[str, Any], bytes]:
    """Return the entry of a record and the PNG of one MAD image.

    Parameters
    ----------
    name : str
        ``a_min`` and the like: the letter of the optimized metric and the direction.
    result : Result
        Of one image.
    metrics : mapping of Metric
        All of the match, by letter.
    bits : int
        Of the PNG, for each sample.
    """
    quantized = quantize(result, bits, code_range=(0.0, 1.0))
    picture = encode_png(quantized.mad_image, bits)
    written = measure(metrics, result.image, decode_image(picture, f"{name}.png"))
    held = [letter for letter in metrics if letter != name[0]]
    level = dict(zip(held, result.level[0].tolist(), strict=True))
    exact = dict(zip(held, result.reference_value[0].tolist(), strict=True)) | {name[0]: float(result.optimized_value)}
    held_error = max(abs(written[letter] - level[letter]) / level[letter] for letter in held)
    entry = {
        "png": {
            **written,
            "held_error": held_error,
            "tolerance": quantized.tolerance,
            "bits": bits,
            "changed": int(quantized.changed),
        },
        "exact": {letter: exact[letter] for letter in metrics},
        "level": level,
        "held_error": float(result.held_error),
        "optimality": float(result.optimality),
        "stopped": str(result.status[0]),
        "evaluations": int(result.evaluations),
        "seconds": round(result.seconds, 3),
    }
    if result.start_values.shape[1] > 1:
        entry["start_values"] = result.start_values[0].tolist()
    return _without_non_finite(entry), picture


def _without_non_finite(value: Any) -> Any:
    """Replace numbers that JSON cannot hold by None."""
    if isinstance(value, list):
        return [_without_non_finite(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_non_finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
