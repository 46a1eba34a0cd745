"""What the launcher says beside its results."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from madcore import compiled
from madcore.cli.session import talk


def test_lines_do_not_run_into_the_bars(monkeypatch):
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", written)
    with Progress(console=Console(file=written, force_terminal=True, width=60)) as bars:
        bars.add_task("a bar", total=10)
        bars.refresh()
        talk("a line of its own")
    written.flush()
    before, after = written.buffer.getvalue().decode().split("madcore: a line of its own")
    assert before.endswith("\x1b[2K")
    assert after.startswith("\n")


@pytest.mark.skipif(not compiled._usable(), reason="numba is not installed or switched off")
def test_says_once_that_loops_are_being_compiled(tmp_path):
    command = [sys.executable, "-m", "madcore", "synth", "mse", "mae", "camera", "--crop", "16", "--max-iter", "2"]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "loops")}

    def said(number):
        run = [*command, "--minmax", "max", "-o", str(tmp_path / str(number))]
        return subprocess.run(run, capture_output=True, text=True, check=True, env=environment).stderr

    assert said(1).count("compiling loops") == 1
    assert "compiling loops" not in said(2)
