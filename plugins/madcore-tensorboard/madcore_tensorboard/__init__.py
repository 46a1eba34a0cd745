"""Watch tournaments in TensorBoard: scalars, images and hyper-parameters of every match."""

from __future__ import annotations

from typing import Any

from madcore import ObserverSpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_observers"]


def build_tensorboard(*, dir: str = "runs", images: bool = True, hyperparameters: bool = True) -> Any:
    """Build the observer; see `madcore_tensorboard.board.Board` for the options."""
    from madcore_tensorboard.board import Board

    return Board(dir, images, hyperparameters)


@hookimpl
def madcore_observers() -> list[ObserverSpec]:
    """Declare the observer: users write ``--observer tensorboard,dir=runs``."""
    return [ObserverSpec("tensorboard", build_tensorboard, "scalars, images and hyper-parameters for TensorBoard")]
