"""What memory a device has left, and how much of it is held while something runs."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from madcore.engine import cores

__all__ = ["Gauge", "GpuMemory", "ProcessMemory", "gauge_of"]

PROCESS = Path("/proc/self")
GROUPS = Path("/sys/fs/cgroup")
LIMITS = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))  # of versions 2 and 1
HIGHEST_SO_FAR = "5"  # what clear_refs calls it


class Gauge(Protocol):
    """Measures the memory of one device, in bytes."""

    def held(self) -> int:
        """Return what this process holds now."""

    def highest(self, run: Callable[[], object]) -> int:
        """Return the most that this process holds while something runs."""

    def free(self) -> int:
        """Return what this process may take besides what it holds."""


@dataclass(frozen=True)
class GpuMemory:
    """Memory of a CUDA device, as torch hands it out; its peak statistics begin anew with each `highest`."""

    device: torch.device

    def held(self) -> int:
        """Return what tensors hold."""
        return torch.cuda.memory_allocated(self.device)

    def highest(self, run: Callable[[], object]) -> int:
        """Return the most that tensors hold while something runs."""
        torch.cuda.reset_peak_memory_stats(self.device)
        run()
        return torch.cuda.max_memory_allocated(self.device)

    def free(self) -> int:
        """Return what nobody has, and what torch keeps for later."""
        free, _ = torch.cuda.mem_get_info(self.device)
        return int(free) + torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)


@dataclass(frozen=True)
class ProcessMemory:
    """Main memory, as Linux tells of it."""

    def held(self) -> int:
        """Return what is resident, once the allocator has given back what it keeps for later."""
        with suppress(AttributeError):  # of glibc alone
            ctypes.CDLL(None).malloc_trim(0)
        return _kilobytes(PROCESS / "status", "VmRSS")

    def highest(self, run: Callable[[], object]) -> int:
        """Return the most that is resident while something runs."""
        (PROCESS / "clear_refs").write_text(HIGHEST_SO_FAR)
        run()
        return _kilobytes(PROCESS / "status", "VmHWM")

    def free(self) -> int:
        """Return the part of what the machine, and every group of processes that this one is in, has left.

        A worker is one of several where it has some of the cores only, and then may take as large a part of the memory.
        """
        share = min(1.0, torch.get_num_threads() / cores())
        return int(share * min(_kilobytes(Path("/proc/meminfo"), "MemAvailable"), *_left_in_groups()))


def gauge_of(device: torch.device) -> Gauge | None:
    """Return the gauge of a device; None where its memory cannot be told, as that of the processor outside Linux."""
    if device.type == "cuda":
        return GpuMemory(device)
    return ProcessMemory() if os.access(PROCESS / "clear_refs", os.W_OK) else None


def _kilobytes(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def _left_in_groups() -> Iterator[int]:
    """Yield what each limit of this process's control groups leaves; files that can be dropped do not count."""
    yield 1 << 62
    groups = PROCESS / "cgroup"  # none on a kernel without control groups
    for line in groups.read_text().splitlines() if groups.exists() else ():
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = GROUPS / "memory" if controllers else GROUPS
        group = top / name.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                with suppress(OSError):  # another may not be read
                    yield from _left_in(folder)


def _left_in(folder: Path) -> Iterator[int]:
    for limit, usage in LIMITS:
        given = (folder / limit).read_text().strip() if (folder / limit).exists() else ""
        if given.isdecimal():
            dropped = re.search(r"^inactive_file (\d+)", (folder / "memory.stat").read_text(), re.MULTILINE)
            yield int(given) - int((folder / usage).read_text()) + (int(dropped[1]) if dropped else 0)
