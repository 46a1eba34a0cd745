"""Networks of torchvision and timm by name, with their published weights or untrained."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from madcore import InputError, PluginError
from madcore_models.found import DEFAULT, Found, near, seeded
from madcore_models.states import is_state_file, load_state

__all__ = ["COLLECTIONS"]

LARGEST_WINDOW = 7  # pixels; AlexNet, with windows of 11, is slower with channels together
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _find_torchvision(name: str, weights: str | None, seed: int) -> Found:
    _require("torchvision")
    from torchvision import models

    if name not in models.list_models():
        raise InputError(f"torchvision has no model {name!r}{near(name, models.list_models())}")
    published = models.get_model_weights(name)
    from_file = is_state_file(weights)
    if not from_file and weights not in (None, DEFAULT, *published.__members__):
        raise InputError(
            f"weights of torchvision:{name} must be {_choice(each.name for each in published)}; got {weights!r}"
        )
    if weights == DEFAULT and not len(published):
        raise InputError(f"torchvision has no weights of {name}; give weights=none or a file")
    chosen = None if weights is None or from_file else published[weights]
    # Others than the network's own, such as a detector's backbone, would be fetched unasked.
    unasked = {"weights_backbone": None} if _takes(models.get_model_builder(name), "weights_backbone") else {}
    with seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = models.get_model(name, weights=chosen, progress=False, **unasked)
    files = [Path(weights).expanduser()] if weights and from_file else []
    if chosen is not None:
        files = [Path(torch.hub.get_dir()) / "checkpoints" / chosen.url.rpartition("/")[2]]
    for path in files if from_file else ():
        load_state(network, path, f"torchvision:{name}")
    return Found(network, f"torchvision:{name}", *_normalization(chosen, published), 224, tuple(files))


def _find_timm(name: str, weights: str | None, seed: int) -> Found:
    _require("timm")
    import timm

    if not (timm.is_model(name) or ":" in name):
        raise InputError(f"timm has no model {name!r}{near(name, timm.list_models())}")
    from_file = is_state_file(weights)
    if not from_file and weights not in (None, DEFAULT):
        raise InputError(
            f"weights of timm:{name} must be DEFAULT, none or a file; got {weights!r}: tags belong to the name, "
            f"e.g. timm:{name.partition('.')[0]}.{weights}"
        )
    with seeded(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = timm.create_model(name, pretrained=weights == DEFAULT)
    known: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
    files = _timm_files(known) if weights == DEFAULT else []
    if weights and from_file:
        files = [Path(weights).expanduser()]
        load_state(network, files[0], f"timm:{name}")
    size = known.get("input_size", (3, 224, 224))[-1]
    return Found(
        network, f"timm:{name}", known.get("mean", IMAGENET[0]), known.get("std", IMAGENET[1]), size, tuple(files)
    )


def _laid_out(find: Callable[[str, str | None, int], Found]) -> Callable[[str, str | None, int], Found]:
    """Let convolutions with small windows keep channels together, which is 1.1 to 1.6 times as fast on a CPU.

    Networks of users stay as they are: their code may rely on the layout.
    """

    def found(name: str, weights: str | None, seed: int) -> Found:
        result = find(name, weights, seed)
        convolutions = [layer for layer in result.network.modules() if isinstance(layer, torch.nn.Conv2d)]
        if convolutions and max(max(layer.kernel_size) for layer in convolutions) <= LARGEST_WINDOW:
            result.network.to(memory_format=torch.channels_last)
        return result

    return found


COLLECTIONS: dict[str, Callable[[str, str | None, int], Found]] = {
    "torchvision": _laid_out(_find_torchvision),
    "timm": _laid_out(_find_timm),
}


def _require(distribution: str) -> None:
    if find_spec(distribution) is None:
        raise PluginError(f"model={distribution}:... needs what is not installed; run: pip install {distribution}")


def _choice(names: Iterable[str]) -> str:
    return ", ".join([DEFAULT, *names, "none or a file"])


def _takes(function: Callable[..., Any], parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters


def _normalization(chosen: Any, published: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the weights, or for an untrained network those of its default ones."""
    weights = chosen or (published.DEFAULT if len(published) else None)
    transforms = weights.transforms() if weights is not None else None
    mean, std = getattr(transforms, "mean", IMAGENET[0]), getattr(transforms, "std", IMAGENET[1])
    return tuple(map(float, mean)), tuple(map(float, std))


def _timm_files(known: dict[str, Any]) -> list[Path]:
    """Return the cached file that timm read, or all of a folder's that it may have read."""
    if known.get("hf_hub_id"):
        from huggingface_hub import try_to_load_from_cache

        repository, _, revision = known["hf_hub_id"].partition("@")
        names = [known.get("hf_hub_filename"), "model.safetensors", "pytorch_model.bin"]
        cached = [try_to_load_from_cache(repository, name, revision=revision or None) for name in names if name]
        return [Path(path) for path in cached if isinstance(path, str)][:1]
    if known.get("source") == "local-dir":
        return [path for path in sorted(Path(known["file"]).iterdir()) if is_state_file(path.name)]
    return [Path(torch.hub.get_dir()) / "checkpoints" / known["url"].rpartition("/")[2]] if known.get("url") else []
