"""What every judge, a metric that need not have taken part, says of the images of a match.

Two metrics make the images; how far a third agrees with either is what a tournament is played for.  Distances of
different metrics have different units, so each judge also gets a noise curve for each reference image: its value at
the image plus noise of growing standard deviation, which turns a value into an equivalent noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from madcore.errors import MadcoreError
from madcore.identity import identify
from madcore.metric import Metric
from madcore.room import room_for
from madcore.starts import noise_like
from madcore.tournament.memory import in_parts

__all__ = ["CURVE_SEEDS", "STANDARD_DEVIATIONS", "distances", "merge_scores", "noise_curve", "score_images"]

STANDARD_DEVIATIONS = tuple(float(f"{0.001 * 1000 ** (step / 31):.6g}") for step in range(32))  # 0.001 to 1
CURVE_SEEDS = (0, 1, 2)
PART = 32  # the most pictures that are judged together


def distances(metric: Metric, image: Tensor, pictures: Sequence[Tensor]) -> list[float | None]:
    """Compute a metric between one image and several pictures, in float64 where the metric allows it.

    Parameters
    ----------
    metric : Metric
        The judge.
    image : Tensor
        Reference image (1, C, H, W).
    pictures : sequence of Tensor
        Others, each (1, C, H, W).

    Returns
    -------
    list
        One number each; None where the judge has none: it does not take such images, fails, finds no memory even for
        one of them, or is not finite.
    """
    size = min(PART, room_for(image.numel(), image.is_cuda))
    found: list[float] = []
    try:
        for part in in_parts(pictures, size, lambda part: _measure(metric, image, part)):
            found += part
    except (MadcoreError, MemoryError, torch.OutOfMemoryError):
        return [None] * len(pictures)
    return [value if math.isfinite(value) else None for value in found]


def _measure(metric: Metric, image: Tensor, pictures: Sequence[Tensor]) -> list[float]:
    together = torch.cat([picture.to(image.device, torch.float64) for picture in pictures])
    with torch.no_grad():
        if "float64" in metric.dtypes:
            try:
                return _values(metric, image.double(), together)
            except MadcoreError:  # a module whose parameters are float32 refuses float64 images
                pass
        return _values(metric, image.float(), together.float())


def _values(metric: Metric, image: Tensor, pictures: Tensor) -> list[float]:
    return [float(value) for value in metric(image.expand_as(pictures), pictures).tolist()]


def score_images(
    judges: Mapping[str, Metric], image: Tensor, exact: Mapping[str, Tensor], written: Mapping[str, Tensor]
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Let every judge score the images of a match.

    Parameters
    ----------
    judges : mapping of Metric
        By name as written.
    image : Tensor
        Reference image (1, C, H, W).
    exact, written : mapping of Tensor
        The start and MAD images by name, as floats and as their PNGs hold them.

    Returns
    -------
    dict
        ``{image name: {"exact" or "png": {judge: value or None}}}``.
    """
    names = list(exact)
    kinds = {"exact": exact, "png": written}
    scores: dict[str, dict[str, dict[str, float | None]]] = {name: {kind: {} for kind in kinds} for name in names}
    for judge, metric in judges.items():
        values = iter(distances(metric, image, [kinds[kind][name] for kind in kinds for name in names]))
        for kind in kinds:
            for name in names:
                scores[name][kind][judge] = next(values)
    return scores


def merge_scores(
    match: str, known: Mapping[str, Any] | None, judges: Mapping[str, Metric], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the scores of a match, those that are known and new ones."""
    known = known or {"judges": {}, "values": {}}
    merged = {
        name: {kind: {**known["values"].get(name, {}).get(kind, {}), **new} for kind, new in kinds.items()}
        for name, kinds in values.items()
    }
    identities = {name: identify(metric) for name, metric in judges.items()}
    return {"schema": 1, "id": match, "judges": {**known["judges"], **identities}, "values": merged}


def noise_curve(name: str, metric: Metric, image: Tensor, picture: str, image_hash: str) -> dict[str, Any]:
    """Compute a metric at an image plus clipped Gaussian noise of 32 standard deviations and 3 seeds.

    Parameters
    ----------
    name, metric : str, Metric
        The metric, and how the plan writes it.
    image : Tensor
        Reference image (1, C, H, W).
    picture, image_hash : str
        Its name, and the hash of its pixels.
    """
    noises = [noise_like(image, seed) for seed in CURVE_SEEDS]
    values = [
        distances(metric, image, [(image + deviation * noise).clamp(0, 1) for noise in noises])
        for deviation in STANDARD_DEVIATIONS
    ]
    channels, height, width = image.shape[1:]
    return {
        "schema": 1,
        "metric": name,
        "identity": identify(metric),
        "image": image_hash,
        "picture": picture,
        "size": [height, width, channels],
        "standard_deviations": list(STANDARD_DEVIATIONS),
        "seeds": list(CURVE_SEEDS),
        "values": values,
    }
