"""Where LPIPS's weights come from: networks of torchvision, a file, or a seed; calibrated heads of lpips's wheel."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import lpips
import torch
from lpips import pretrained_networks
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

from madcore import InputError
from madcore_lpips.responses import Network

__all__ = ["MIN_SIDES", "load_heads", "load_network"]

MIN_SIDES = {"alexnet": 31, "vgg16": 16, "squeezenet": 17}
TRUNKS: dict[str, tuple[type[nn.Module], Any]] = {
    "alex": (pretrained_networks.alexnet, AlexNet_Weights.IMAGENET1K_V1),
    "vgg": (pretrained_networks.vgg16, VGG16_Weights.IMAGENET1K_V1),
    "squeeze": (pretrained_networks.squeezenet, SqueezeNet1_1_Weights.IMAGENET1K_V1),
}
Files = tuple[Path, ...]
_IN_USE: WeakValueDictionary[Hashable, Network] = WeakValueDictionary()  # by what decides their weights
_MAKING = Lock()  # all threads draw from one generator


def load_network(net: str, weights: str | None, seed: int) -> tuple[Network, Files]:
    """Make the network whose layers are compared, or return the same that another metric uses.

    Parameters
    ----------
    net : {"alex", "vgg", "squeeze"}
        Which network.
    weights : str or None
        ``"torchvision"``, the path of a state dict of the same model, or None for the untrained network of `seed`.
    seed : int
        Of the untrained network.

    Returns
    -------
    Network, tuple of Path
        The frozen network, and the file that its weights were read from.

    Raises
    ------
    InputError
        If the path has no such file.
    """
    make, known = TRUNKS[net]
    if weights is None:
        return _in_use((net, seed), lambda: _draw(make, seed)), ()
    if weights == "torchvision":
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(known.url).name
        state = known.get_state_dict(progress=False, check_hash=True)
    else:
        path = Path(weights).expanduser()
        state = _read(path, net)
    stat = path.stat()
    key = (net, path.resolve(), stat.st_mtime_ns, stat.st_size)
    return _in_use(key, lambda: _fill(make, state, path, net)), (path,)


def load_heads(net: str, version: str) -> tuple[list[Tensor], Files]:
    """Read the calibrated weights of the layers' channels, (1, C, 1, 1) each, from lpips's wheel."""
    path = Path(lpips.__file__).parent / "weights" / f"v{version}" / f"{net}.pth"
    state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return [state[name] for name in sorted(state)], (path,)


def _in_use(decided_by: Hashable, make: Callable[[], nn.Module]) -> Network:
    with _MAKING:
        network = _IN_USE.get(decided_by)
        if network is None:
            network = _IN_USE[decided_by] = Network(make())
        return network


def _draw(make: type[nn.Module], seed: int) -> nn.Module:
    # The caller's random numbers are none of our business.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _make(make)


def _fill(make: type[nn.Module], state: Mapping[str, Tensor], path: Path, net: str) -> nn.Module:
    with torch.device("meta"):  # nothing is drawn that would be replaced
        trunk = _make(make)
    names = {name: f"features.{name.partition('.')[2]}" for name in trunk.state_dict()}
    try:
        trunk.load_state_dict({name: state[stored] for name, stored in names.items()}, assign=True)
    except (KeyError, RuntimeError, TypeError):
        hint = f"give the file that net={net} needs"
        raise InputError(f"{path} is no state dict of torchvision's {make.__name__}; {hint}") from None
    return trunk


def _make(make: type[nn.Module]) -> nn.Module:
    with warnings.catch_warnings():
        # lpips asks torchvision for networks in the way that older versions know.
        warnings.simplefilter("ignore", UserWarning)
        return make(pretrained=False)


def _read(path: Path, net: str) -> Any:
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}; weights of lpips.lpips are torchvision, none or a file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(f"{path} holds no weights of net={net} that torch can read: {type(error).__name__}") from None
