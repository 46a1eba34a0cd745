"""A learned metric for steps in image space: one step length per place and per spatial frequency.

The secant pairs of a run, steps s and the changes y of the gradient along them, tell how curved the problem is.  Where
a Hessian is diagonal in some basis |s_i| / |y_i| is its inverse there.  Two bases fit images: places (pixels, averaged
over a few of them) and rings of spatial frequency.  The initial inverse Hessian is therefore

    K = h F* W F h,

with F the Fourier transform, h one weight per place and W one per ring: a Barzilai-Borwein step length (1988,
doi:10.1093/imanum/8.1.141) for each.  In a basis in which curvature is mixed the ratios are constant and K is the
identity.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from madcore import compiled

__all__ = ["ScaleMemory", "SecantScale"]

POOL = 4  # the weights of places vary over BLUR pixels: a grid four times coarser holds them
BLUR = 4.0
RINGS_PER_OCTAVE = 2.0
PLACE_RATE = 0.3
RING_RATE = 0.6
SPAN = 30.0


@dataclass(frozen=True)
class ScaleMemory:
    """Running averages of the energies of steps and gradient changes, and the weights made of them, for N images.

    `place` (N, 1, H, W) is the square root h of the weights of places; `ring` (N, 1, H, W // 2 + 1) is W.
    """

    step_place: Tensor
    change_place: Tensor
    step_ring: Tensor
    change_ring: Tensor
    place: Tensor
    ring: Tensor

    def take(self, index: Tensor) -> ScaleMemory:
        """Keep the images at `index`."""
        return ScaleMemory(**{name: value[index] for name, value in vars(self).items()})


class SecantScale:
    """The operator K for images of one shape (C, H, W); its weights live in a `ScaleMemory`."""

    def __init__(self, shape: torch.Size, like: Tensor) -> None:
        self.shape = shape
        height, width = shape[-2:]
        self._pool = _pool(height), _pool(width)
        self._rows, self._columns = (_blur(side, like) for side in (height, width))
        frequency = torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.rfftfreq(width)[None] ** 2
        octave = torch.log2(1 + frequency.sqrt() * min(height, width))
        ring = (RINGS_PER_OCTAVE * octave).round().flatten().unique(return_inverse=True)[1]
        self._ring = ring.to(like.device)
        self._ring_size = torch.bincount(ring).to(like)

    @classmethod
    def of(cls, image: Tensor) -> SecantScale:
        """Return the operator for images like these, (N, C, H, W): the same for the same shape, type and device."""
        return _remembered(image.shape[1:], image.dtype, image.device)

    def first(self, error: Tensor, slope: Tensor, free: Tensor) -> ScaleMemory:
        """Start from the error of the image as the step and the slope on the free pixels as the change."""
        change = self._places(slope) / self._places(free).clamp_min(1e-3)
        place = self._place_weight(step := _unit(self._places(error)), change := _unit(change))
        step_ring, change_ring = self._ring_energies(error, slope, place)
        ring = self._ring_weight(step_ring, change_ring)
        return ScaleMemory(step, change, step_ring, change_ring, place, ring)

    def learn(
        self, memory: ScaleMemory, step: Tensor, change: Tensor, keep: Tensor, *, rings: bool = True
    ) -> ScaleMemory:
        """Average a new pair into the energies of the images where `keep`, (N,), and renew the weights.

        Those of the rings, which cost two Fourier transforms, only if `rings`.
        """
        step_place = _average(memory.step_place, _unit(self._places(step)), keep, PLACE_RATE)
        change_place = _average(memory.change_place, _unit(self._places(change)), keep, PLACE_RATE)
        place = self._place_weight(step_place, change_place)
        memory = replace(memory, step_place=step_place, change_place=change_place, place=place)
        if not rings:
            return memory
        step_ring, change_ring = self._ring_energies(step, change, place)
        step_ring = _average(memory.step_ring, step_ring, keep, RING_RATE)
        change_ring = _average(memory.change_ring, change_ring, keep, RING_RATE)
        ring = self._ring_weight(step_ring, change_ring)
        return replace(memory, step_ring=step_ring, change_ring=change_ring, ring=ring)

    def placed(self, memory: ScaleMemory, vector: Tensor) -> Tensor:
        """Compute h v for flattened images (N, n)."""
        return (vector.view(-1, *self.shape) * memory.place).flatten(1)

    def filtered(self, memory: ScaleMemory, vector: Tensor) -> Tensor:
        """Compute F* W F v for flattened images (N, n)."""
        spectrum = torch.fft.rfft2(vector.view(-1, *self.shape))
        spectrum *= memory.ring
        return torch.fft.irfft2(spectrum, s=self.shape[-2:]).flatten(1)

    def _places(self, vector: Tensor) -> Tensor:
        return self._rows @ self._cells(vector) @ self._columns.T

    def _cells(self, vector: Tensor) -> Tensor:
        """Average the squares of flattened images over channels and over cells of the coarse grid, (N, h, w)."""
        energy = _over_channels(vector.view(-1, *self.shape).square())
        return avg_pool2d(energy[:, None], self._pool, ceil_mode=True, count_include_pad=False)[:, 0]

    def _place_weight(self, step: Tensor, change: Tensor) -> Tensor:
        weight = _ratio(step.flatten(1), change.flatten(1))
        return self._enlarged((weight / weight.mean(1, keepdim=True)).sqrt_().view_as(step))

    def _enlarged(self, coarse: Tensor) -> Tensor:
        """Interpolate from the coarse grid, (N, h, w), to pixels, (N, 1, H, W)."""
        scale = tuple(map(float, self._pool))
        height, width = self.shape[-2:]
        return interpolate(coarse[:, None], scale_factor=scale, mode="bilinear")[..., :height, :width].contiguous()

    def _ring_energies(self, step: Tensor, change: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        return (
            self._rings(step.view(-1, *self.shape) / place),
            self._rings(change.view(-1, *self.shape) * place),
        )

    def _rings(self, images: Tensor) -> Tensor:
        return _unit(self._ring_means(torch.fft.rfft2(images)))

    def _ring_means(self, spectrum: Tensor) -> Tensor:
        """Average the power over channels and over rings of frequencies, (N, rings)."""
        # several times faster than squaring and adding the two parts
        power = _over_channels((spectrum * spectrum.conj()).real).flatten(1)
        return power.new_zeros(len(power), len(self._ring_size)).index_add_(1, self._ring, power) / self._ring_size

    def _ring_weight(self, step: Tensor, change: Tensor) -> Tensor:
        weight = _ratio(step, change)
        return weight.index_select(1, self._ring).view(len(weight), 1, self.shape[-2], -1)


@functools.lru_cache(maxsize=8)
def _remembered(shape: torch.Size, dtype: torch.dtype, device: torch.device) -> SecantScale:
    like = torch.empty((), dtype=dtype, device=device)
    if not compiled.at_hand(like):
        return SecantScale(shape, like)
    # numba is imported only where it is used
    from madcore.solvers.fused_scale import FusedSecantScale

    return FusedSecantScale(shape, like)


def _pool(side: int) -> int:
    return POOL if side >= 4 * POOL else 1


def _blur(side: int, like: Tensor) -> Tensor:
    """Return the matrix of a blur of the coarse grid, for one direction."""
    pool = _pool(side)
    coarse = torch.arange(pool / 2 - 0.5, side + pool / 2 - 0.5, pool, dtype=torch.float64)
    # averages over pixels have blurred already
    deviation = (BLUR**2 - (pool**2 - 1) / 12) ** 0.5
    blur = torch.exp(-0.5 * ((coarse[:, None] - coarse) / deviation) ** 2)
    blur[blur < 1e-6] = 0.0  # denormal weights would make the products many times slower
    return (blur / blur.sum(1, keepdim=True)).to(like)


def _over_channels(energy: Tensor) -> Tensor:
    """Average (N, C, H, W) over channels; one channel is not copied."""
    return energy[:, 0] if energy.shape[1] == 1 else energy.mean(1)


def _unit(energy: Tensor) -> Tensor:
    mean = energy.flatten(1).mean(1).clamp_min(torch.finfo(energy.dtype).tiny)
    return energy / mean.view(-1, *[1] * (energy.ndim - 1))


def _average(old: Tensor, new: Tensor, keep: Tensor, share: float) -> Tensor:
    # not by a share of 0: times a number that is not finite it is not 0
    return torch.where(keep.view(-1, *[1] * (old.ndim - 1)), torch.lerp(old, new, share), old)


def _ratio(step: Tensor, change: Tensor) -> Tensor:
    root = (step / change.clamp_min(torch.finfo(step.dtype).tiny)).sqrt()
    middle = root.median(1, keepdim=True).values.clamp_min(torch.finfo(step.dtype).tiny)
    return (root / middle).clamp(1 / SPAN, SPAN)
