import os

import pytest
import torch

os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)


@pytest.fixture
def pair():
    return torch.rand(2, 2, 3, 24, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64).unbind()
