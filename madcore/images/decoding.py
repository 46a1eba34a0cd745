"""Files to arrays: every sample as deep as it is stored, or an error.

Pillow reads the common formats but silently cuts 16-bit colour to 8 bits, so that such files go to imagecodecs.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from safetensors.torch import load_file

from madcore.errors import InputError
from madcore.images.deep_color import find_imagecodecs

__all__ = ["ARRAY_SUFFIXES", "FORMATS", "decode_file", "decode_picture"]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
ARRAY_SUFFIXES = (".npy", ".pt", ".pth", ".safetensors")
# What Pillow's modes become; CMYK by Pillow's formula without a colour profile.  The others are kept as they are.
CONVERSIONS = {"1": "L", "P": "RGBA", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "RGBX": "RGB"}
PNG_SIGNATURE = b"\x89PNG"
BITS_PER_SAMPLE = 258  # TIFF tag


def decode_file(path: Path, entry: str = "") -> tuple[NDArray[Any], bool]:
    """Read the samples of a picture file as they are stored.

    Parameters
    ----------
    path : Path
        A picture in one of `FORMATS`, or an array file that ends with one of `ARRAY_SUFFIXES`.
    entry : str
        Name of the tensor to take from a file that holds several.

    Returns
    -------
    array : ndarray
        The samples.  (H, W) or (H, W, C) for a picture; whatever an array file holds.
    is_picture : bool
        True if the file format says which axis is which.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read completely.
    """
    _check_file(path)
    is_picture = path.suffix.lower() not in ARRAY_SUFFIXES
    with _explained(str(path)):
        return (_decode(path.read_bytes(), str(path)) if is_picture else _decode_array(path, entry)), is_picture


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into an InputError that names the file."""
    try:
        yield
    except InputError:
        raise
    except UnidentifiedImageError as error:
        kinds = "PNG, JPEG, TIFF (of integers, or of grey floats), BMP, GIF, WebP, " + ", ".join(ARRAY_SUFFIXES)
        raise InputError(f"{name} is not a picture that can be read; known are {kinds}") from error
    except Exception as error:  # decoders of damaged files raise whatever they like
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name} cannot be read; is it damaged or truncated? ({reason})") from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one picture file")
    if not path.exists():
        raise InputError(f"{path} does not exist; give a picture file or the name of a built-in picture")
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from error
    if empty:
        raise InputError(f"{path} is empty; give a picture file")


def decode_picture(content: bytes, name: str) -> NDArray[Any]:
    """Read the samples, (H, W) or (H, W, C), of the content of a picture file; `name` is for messages.

    Raises
    ------
    InputError
        If it cannot be read completely.
    """
    with _explained(name):
        return _decode(content, name)


def _decode(content: bytes, name: str) -> NDArray[Any]:
    with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format != "MPO":  # in an MPO, a camera's JPEG, the further ones are previews
            raise InputError(f"{name} holds {frames} pictures; save the one that you want as a file of its own")
        if _is_deep_color(picture, content):
            return _decode_deep(content, name, picture.size)
        upright = ImageOps.exif_transpose(picture)
        return np.array(upright.convert(CONVERSIONS.get(upright.mode, upright.mode)))


def _is_deep_color(picture: Image.Image, content: bytes) -> bool:
    """Tell whether there are more than 8 bits in a sample and Pillow would not give them all."""
    if picture.format == "TIFF":
        bits = getattr(picture, "tag_v2", {}).get(BITS_PER_SAMPLE, (1,))
        return max(bits) > 8 and picture.mode not in ("I;16", "I;16B", "F")
    if picture.format == "PNG":
        depth, color_type = content[24:26]  # IHDR: signature 8, length and name 8, width and height 8
        return depth == 16 and color_type != 0
    return False


def _decode_deep(content: bytes, name: str, size: tuple[int, int]) -> NDArray[Any]:
    imagecodecs = find_imagecodecs(f"{name} (colour of more than 8 bits a sample)")
    decode = imagecodecs.png_decode if content.startswith(PNG_SIGNATURE) else imagecodecs.tiff_decode
    array: NDArray[Any] = decode(content)
    planes = array.shape[1:] == size[::-1] != array.shape[:2]  # a TIFF that stores one colour after the other
    return np.moveaxis(array, 0, -1) if planes else array


def _decode_array(path: Path, entry: str) -> NDArray[Any]:
    if path.suffix.lower() == ".npy":
        array: NDArray[Any] = np.load(path, allow_pickle=False)
        return array
    tensors = load_file(path) if path.suffix.lower() == ".safetensors" else _load_tensors(path)
    return _to_array(_select(path, tensors, entry))


def _load_tensors(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is not a file that torch.save wrote, or it is truncated; save the tensor again")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds objects other than tensors, which are not read; save the tensor alone"
        ) from error


def _select(path: Path, tensors: Any, entry: str) -> torch.Tensor:
    if isinstance(tensors, torch.Tensor):
        return tensors.detach()
    names = [str(name) for name in tensors] if isinstance(tensors, Mapping) else []
    if not entry and len(names) == 1:
        entry = names[0]
    if entry not in names:
        given = f"no tensor {entry!r}" if entry else f"{len(names)} tensors"
        allowed = ", ".join(names) or "none"
        raise InputError(f"{path} holds {given}; it holds {allowed}: write {path}:NAME to take one")
    if not isinstance(tensors[entry], torch.Tensor):
        raise InputError(f"{path}:{entry} is {type(tensors[entry]).__name__}, not a tensor")
    tensor: torch.Tensor = tensors[entry]
    return tensor.detach()


def _to_array(tensor: torch.Tensor) -> NDArray[Any]:
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).cpu().numpy()
