"""ColorVideoVDP of the cvvdp distribution, kept quiet and with one value for each picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from madcore import InputError, require_range
from madcore_cvvdp.library import config_files, cvvdp, json2dict, vvdp_display_geometry, vvdp_display_photometry

__all__ = ["Visibility", "make_model"]

PERFECT = 10.0


class Visibility:
    """10 minus the quality of pictures on a display, in just-objectionable differences (JOD).

    A difference of 1 means that 75 % of observers prefer the reference.

    Parameters
    ----------
    display : str
        Name of one of the displays of ColorVideoVDP that show sRGB.
    pixels_per_degree : float, optional
        In place of what the display's size, resolution and distance give.
    data_range : float
        Largest value of a pixel; the smallest is 0.

    Raises
    ------
    InputError
        If there is no such display.

    References
    ----------
    Mantiuk, Hanji, Ashraf, Asano & Chapiro (2024), ColorVideoVDP, doi:10.1145/3658144.
    """

    def __init__(
        self, display: str = "standard_4k", pixels_per_degree: float | None = None, data_range: float = 1.0
    ) -> None:
        if pixels_per_degree is not None and pixels_per_degree <= 0:
            raise InputError(f"pixels_per_degree must be above 0; got {pixels_per_degree:g}")
        with _contained():
            _check_display(display)
            self.display, self.pixels_per_degree, self.data_range = display, pixels_per_degree, data_range
            model = make_model(display, pixels_per_degree, torch.device("cpu"))
        self.weight_files = (Path(model.parameters_file), Path(config_files.find("display_models.json", [])))
        # ColorVideoVDP keeps the pyramid of the last size that it saw.
        self.models: dict[tuple[torch.Size, torch.device], cvvdp] = {}

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of sRGB pictures (N, C, H, W), float32, with one channel or three.

        Raises
        ------
        InputError
            If the pictures are not float32, or the reference is outside the range.
        """
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Check the reference pictures once."""
        require_range(image, self.data_range, "cvvdp.cvvdp")

        def distance(mad_image: Tensor) -> Tensor:
            if image.dtype != torch.float32 or mad_image.dtype != torch.float32:
                raise InputError(f"cvvdp computes in float32 only; got {image.dtype} and {mad_image.dtype}")
            with _contained():
                # As colour, since ColorVideoVDP judges one channel otherwise than three equal ones.
                colour = [picture.expand(-1, 3, -1, -1) / self.data_range for picture in (mad_image, image)]
                quality = self._model(mad_image).predict(*colour, dim_order="BCHW")[0]
            return PERFECT - quality.reshape(-1)  # (N,), which is () at N = 1

        return distance

    def _model(self, pictures: Tensor) -> cvvdp:
        key = (pictures.shape[-2:], pictures.device)
        if key not in self.models:
            self.models[key] = make_model(self.display, self.pixels_per_degree, pictures.device)
        return self.models[key]


def make_model(display: str, pixels_per_degree: float | None, device: torch.device) -> cvvdp:
    """Make ColorVideoVDP for a display; arguments as for `Visibility`."""
    geometry = None
    if pixels_per_degree is not None:
        resolution = vvdp_display_geometry.load(display, []).resolution
        geometry = vvdp_display_geometry(resolution, ppd=pixels_per_degree)
    return cvvdp(display_name=display, display_geometry=geometry, quiet=True, device=device)


def _check_display(display: str) -> None:
    """Raise InputError unless this is a display that shows sRGB: others would take the pixels for something else."""
    known = json2dict(config_files.find("display_models.json", []))
    showing = [name for name in known if vvdp_display_photometry.load(name, []).EOTF == "sRGB"]
    if display not in showing:
        raise InputError(f"display of cvvdp must be one that shows sRGB: {', '.join(showing)}; got {display!r}")


@contextmanager
def _contained() -> Iterator[None]:
    """Keep ColorVideoVDP from talking through the root logger, from setting that up, and from torch's generator."""
    state = torch.get_rng_state()
    root, handler = logging.getLogger(), logging.NullHandler()

    def foreign(record: logging.LogRecord) -> bool:
        return "pycvvdp" not in Path(record.pathname).parts

    root.addHandler(handler)
    root.addFilter(foreign)
    try:
        yield
    finally:
        root.removeFilter(foreign)
        root.removeHandler(handler)
        torch.set_rng_state(state)
