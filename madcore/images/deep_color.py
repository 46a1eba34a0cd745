"""The one optional decoder: imagecodecs, for colour deeper than the 8 bits that Pillow keeps."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from madcore.errors import InputError

__all__ = ["find_imagecodecs"]


def find_imagecodecs(wanted: str) -> Any:
    """Return the module imagecodecs.

    Parameters
    ----------
    wanted : str
        What it is needed for, for the message.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module("imagecodecs")
    except ImportError as error:
        raise InputError(
            f'{wanted} needs imagecodecs, which is not installed: pip install "madcore[images]", or use 8 bits or grey'
        ) from error
