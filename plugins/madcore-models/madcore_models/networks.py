"""Find the network that the option ``model`` stands for."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from madcore import InputError
from madcore_models.found import Found
from madcore_models.own import PROGRAMS, load_program, make_network, take_module
from madcore_models.published import COLLECTIONS

__all__ = ["find_network", "is_elsewhere", "is_own"]

FORMS = "torchvision:NAME, timm:NAME, ./file.py:CLASS, package.module:CLASS or a TorchScript or torch.export file"


def is_own(model: object) -> bool:
    """Tell whether a model is named that is code of the user's own: neither published nor a module that is there."""
    return isinstance(model, str) and model.partition(":")[0] not in COLLECTIONS


def is_elsewhere(model: object) -> bool:
    """Tell whether a collection's name says where to fetch from: anybody may publish there (``timm:hf-hub:...``)."""
    return isinstance(model, str) and not is_own(model) and ":" in model.partition(":")[2]


def find_network(model: str | nn.Module, weights: str | None, seed: int) -> Found:
    """Find a network.

    Parameters
    ----------
    model : str or torch.nn.Module
        ``torchvision:NAME``, ``timm:NAME``, ``./file.py:CLASS``, ``package.module:CLASS``, a file of TorchScript or
        torch.export; in Python also a module.
    weights : str, optional
        ``DEFAULT`` for those that it comes with, another name of the collection's, a file with a state dictionary, or
        None for an untrained network.
    seed : int
        Of the parameters that are drawn at random.

    Raises
    ------
    InputError
        If there is no such network, weights or file.
    """
    if isinstance(model, nn.Module):
        return take_module(model, weights)
    if not isinstance(model, str):
        raise InputError(f"model must be {FORMS}, or in Python a torch.nn.Module; got {model!r}")
    collection, _, published = model.partition(":")
    if published and collection in COLLECTIONS:
        return COLLECTIONS[collection](published, weights, seed)
    if Path(model).suffix in PROGRAMS:
        return load_program(Path(model).expanduser(), weights)
    place, _, attribute = model.rpartition(":")
    if not (place and attribute):
        raise InputError(f"model {model!r} names no network; write {FORMS}")
    return make_network(place, attribute, weights, seed)
