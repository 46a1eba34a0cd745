"""Load a state dictionary from a file into a network, or say in one line why it does not fit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from madcore import InputError

__all__ = ["existing", "is_state_file", "load_state"]

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")


def is_state_file(weights: str | None) -> bool:
    """Tell whether weights are named by a file."""
    return weights is not None and Path(weights).suffix in SUFFIXES


def existing(path: Path, what: str) -> Path:
    """Return the path of a file, or raise InputError if there is none."""
    if not path.is_file():
        raise InputError(f"cannot read {what} {str(path)!r}: there is no such file")
    return path


def load_state(network: nn.Module, path: Path, name: str) -> None:
    """Load parameters and buffers from a file that holds a state dictionary.

    Raises
    ------
    InputError
        If the file cannot be read, or does not fit the network.
    """
    state = _read(existing(path, "weights"))
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        reason = " ".join(str(error).splitlines()[1:2]).strip()
        raise InputError(f"the weights in {str(path)!r} do not fit {name}: {reason}") from None
    if missing or unexpected:
        told = [
            f"{len(each)} {word}, e.g. {each[0]}"
            for each, word in ((missing, "missing"), (unexpected, "unknown"))
            if each
        ]
        raise InputError(f"the weights in {str(path)!r} do not fit {name}: {' and '.join(told)}")


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{str(path)!r} holds no state dictionary: it is damaged, or a pickle of more than tensors, which is not "
            "read since that runs what it says; save model.state_dict()"
        ) from None
    except (RuntimeError, ValueError, EOFError) as error:
        raise InputError(f"{str(path)!r} holds no state dictionary: {str(error).splitlines()[0]}") from None
    content = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        held = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise InputError(f"{str(path)!r} holds no state dictionary but {held[:80]}; save model.state_dict()")
    return content
