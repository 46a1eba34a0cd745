"""Images to files: PNG of 8 or 16 bits, or the exact floats."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from madcore.errors import InputError
from madcore.images.deep_color import find_imagecodecs

__all__ = ["encode_png", "encode_tensors", "hash_pixels", "write_image"]


def encode_png(image: Tensor, bits: int = 8) -> bytes:
    """Encode an image as PNG, every pixel rounded to the nearest value that the format has.

    Parameters
    ----------
    image : Tensor
        One image (1, C, H, W) or (C, H, W), C = 1 or 3, in [0, 1].
    bits : int
        8 or 16 for each sample.

    Raises
    ------
    InputError
        If it is no such image, or has 16 bits and colours and imagecodecs is not installed.
    """
    if bits not in (8, 16):
        raise InputError(f"a PNG has 8 or 16 bits a sample; got {bits}")
    pixels = _height_width_channels(image).double()
    if not bool(((pixels >= 0) & (pixels <= 1)).all()):
        raise InputError("a picture to write must have pixel values in [0, 1]; clip it first")
    samples = (pixels * (2**bits - 1)).round().numpy().astype(np.uint8 if bits == 8 else np.uint16)
    samples = np.ascontiguousarray(samples.squeeze(-1) if samples.shape[-1] == 1 else samples)
    if bits == 16 and samples.ndim == 3:
        return bytes(find_imagecodecs("a PNG of 16-bit colour").png_encode(samples))
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "PNG")
    return stream.getvalue()


def encode_tensors(images: Mapping[str, Tensor]) -> bytes:
    """Encode images, (1, C, H, W) or (C, H, W) each, as safetensors with entries (H, W, C) of unchanged type."""
    return save({name: _height_width_channels(image).contiguous() for name, image in images.items()})


def write_image(path: str | os.PathLike[str], image: Tensor, *, bits: int = 8) -> None:
    """Write an image to a file; an existing file is replaced.

    Parameters
    ----------
    path : str or path
        Ends with ``.png`` (rounded to `bits`), or with ``.npy`` or ``.safetensors`` for (H, W, C) floats as they are.
    image : Tensor
        One image (1, C, H, W) or (C, H, W), C = 1 or 3; in [0, 1] for a PNG.
    bits : int
        8 or 16: samples of a PNG.  16 bits in colour need imagecodecs.

    Raises
    ------
    InputError
        If the image or the file name is not of that kind, or the file cannot be written.
    """
    path = Path(path)
    content = _encode(path, image, bits)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another place") from error


def hash_pixels(image: Tensor) -> str:
    """Return what identifies an image in records: ``sha256:`` of its size and its float32 pixels.

    Parameters
    ----------
    image : Tensor
        One image (1, C, H, W) or (C, H, W).
    """
    pixels = _height_width_channels(image).to(torch.float32).contiguous().numpy().astype("<f4")
    digest = sha256("madcore-pixels-1\n{} {} {}\n".format(*pixels.shape).encode())
    digest.update(pixels.tobytes())
    return f"sha256:{digest.hexdigest()}"


def _encode(path: Path, image: Tensor, bits: int) -> bytes:
    if path.suffix == ".png":
        return encode_png(image, bits)
    if path.suffix == ".safetensors":
        return encode_tensors({"image": image})
    if path.suffix != ".npy":
        raise InputError(f"{path} cannot be written: its name must end with .png, .npy or .safetensors")
    stream = io.BytesIO()
    np.save(stream, _height_width_channels(image).numpy())
    return stream.getvalue()


def _height_width_channels(image: Tensor) -> Tensor:
    single = image[0] if image.ndim == 4 and len(image) == 1 else image
    if single.ndim != 3 or single.shape[0] not in (1, 3) or not single.is_floating_point():
        raise InputError(
            f"a picture to write is one float image (1, C, H, W) or (C, H, W), C = 1 or 3; "
            f"got {image.dtype} of shape {tuple(image.shape)}"
        )
    return single.detach().cpu().permute(1, 2, 0)
