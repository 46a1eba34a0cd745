import os

import pytest
import torch

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # for the processes that tests start
torch.set_num_threads(1)


@pytest.fixture
def unseen(monkeypatch):
    """Let the solver treat the processor as a device that it would have to wait for, and compute by its formulas."""
    monkeypatch.setattr("madcore.compiled.at_hand", lambda images: False)
    for name in ("numbers", "retraction"):
        monkeypatch.setattr(f"madcore.solvers.{name}.readable", lambda values: False)


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
