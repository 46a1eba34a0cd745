import os
import sys
from pathlib import Path

import pytest
import torch

os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def pair():
    return torch.rand(2, 2, 3, 24, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64).unbind()
