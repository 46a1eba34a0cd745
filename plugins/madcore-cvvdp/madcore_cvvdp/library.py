"""What is taken from pycvvdp, imported without a line that torch writes where there is a CUDA toolkit and no GPU.

pycvvdp imports torch's benchmarks, and these what compiles extensions, which warns; nothing here is compiled.
"""

from __future__ import annotations

import logging

__all__ = ["config_files", "cvvdp", "json2dict", "vvdp_display_geometry", "vvdp_display_photometry"]

COMPILER = logging.getLogger("torch.utils.cpp_extension")


def _concerns_others(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("No CUDA runtime is found")


COMPILER.addFilter(_concerns_others)
try:
    from pycvvdp import cvvdp, vvdp_display_geometry, vvdp_display_photometry
    from pycvvdp.utils import config_files, json2dict
finally:
    COMPILER.removeFilter(_concerns_others)
