"""Bands of rows: all rows once, and the same bits whatever the number of threads."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import madcore
from madcore import compiled
from madcore.bands import _openmp, in_bands
from madcore.measures import fused_averaging, fused_pyramid, fused_structure, structure_loops
from madcore.measures.filtering import gaussian_window
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet, fused_pair_passes, fused_passes, fused_scale

needs_numba = pytest.mark.skipif(not compiled.at_hand(torch.zeros(1)), reason="numba is not installed or switched off")
shapes = pytest.mark.parametrize("shape", [(1, 1, 191, 203), (2, 3, 183, 181)], ids=["grey", "two in RGB"])
torchs_threads = pytest.mark.skipif(_openmp() is None, reason="torch has no OpenMP of GNU's interface here")


@contextmanager
def using(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def bands(threads, rows, width, samples):
    found = []
    with using(threads):
        in_bands(lambda first, last: found.append((first, last)), rows, width, samples=samples)
    return sorted(found)


@given(st.integers(1, 5), st.integers(1, 60), st.integers(1, 60), st.integers(1, 2000))
@settings(deadline=None)
def test_bands_are_all_rows_once_and_worth_a_thread(threads, rows, width, samples):
    found = bands(threads, rows, width, samples)
    assert [row for band in found for row in range(*band)] == list(range(rows))
    assert len(found) <= threads
    sizes = [(last - first) * width for first, last in found]
    assert len(found) == 1 or min(sizes) > samples - width
    assert max(sizes) - min(sizes) <= width


@torchs_threads
def test_as_many_bands_as_threads_where_there_is_enough_to_do():
    assert bands(3, 90, 100, 10) == [(0, 30), (30, 60), (60, 90)]


@torchs_threads
def test_bands_run_side_by_side_and_all_end_before_an_error_is_raised():
    together, ended = threading.Barrier(2, timeout=60), []

    def loop(first, last):
        together.wait()
        if first == 0:
            raise ValueError("the first")
        time.sleep(0.05)
        ended.append((first, last))

    with using(2), pytest.raises(ValueError, match="the first"):
        in_bands(loop, 10, 1, samples=1)
    assert ended == [(5, 10)]


@torchs_threads
def test_an_error_of_another_band_is_raised():
    def loop(first, last):
        if first > 0:
            raise ValueError("the second")

    with using(2), pytest.raises(ValueError, match="the second"):
        in_bands(loop, 10, 1, samples=1)


class Alarm(Exception):
    """What a signal raises."""


@torchs_threads
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.filterwarnings("error")
def test_a_signal_is_never_lost():
    def ring(*_):
        raise Alarm

    def work_until(end):
        while time.monotonic() < end:
            in_bands(lambda first, last: None, 2, 1, samples=1)

    def keep_busy():
        while not over.is_set():
            pass

    # where Python's lock is fought for, threads wait for it before the first line of what they are to do
    over, before = threading.Event(), signal.signal(signal.SIGALRM, ring)
    threading.Thread(target=keep_busy, daemon=True).start()
    try:
        for each in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.02 + 1e-3 * each)
            with using(2), pytest.raises(Alarm):
                work_until(time.monotonic() + 5)
    finally:
        over.set()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@torchs_threads
def test_fewer_threads_than_bands_do_all_of_them():
    program = (
        "import torch; from madcore.bands import in_bands; torch.set_num_threads(3); found = []\n"
        "in_bands(lambda *band: found.append(band), 90, 1, samples=1); print(sorted(found))"
    )
    limited = os.environ | {"OMP_THREAD_LIMIT": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=limited)
    assert done.stdout.strip() == "[(0, 30), (30, 60), (60, 90)]"
    assert done.stderr == ""


def try_in_bands(queue):
    queue.put(bands(2, 10, 1, 1))


@torchs_threads
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_threads_that_it_has_not():
    assert bands(2, 10, 1, 1) == [(0, 5), (5, 10)]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=try_in_bands, args=(queue,), daemon=True)
    child.start()
    assert queue.get(timeout=60) == [(0, 10)]
    child.join(60)


def test_nothing_needs_openmp(monkeypatch):
    monkeypatch.setattr("madcore.bands._openmp", lambda: None)
    assert bands(3, 90, 100, 10) == [(0, 90)]


@needs_numba
@pytest.mark.parametrize("gradient", [True, False])
def test_structure_is_the_same_wherever_it_is_cut(gradient):
    images, differences = torch.rand(2, 2, 25, 30, generator=torch.Generator().manual_seed(0)).numpy()
    structure = fused_structure.FusedStructure(torch.from_numpy(images), gaussian_window(11, 1.5), 1e-4, 9e-4)

    def compared(*bands):
        sums, slopes = np.full((2, 15), np.nan), np.full_like(images, np.nan)
        for band in bands:
            arrays = differences, *structure.arrays, sums, slopes
            structure_loops.compare(
                structure.taps, structure.taps[::-1], structure.gain, True, gradient, *arrays, *band
            )
        return sums, slopes

    whole = compared((0, 50))
    assert np.isfinite(whole[0]).all()
    for cut in range(1, 50):
        for ours, wanted in zip(compared((cut, 50), (0, cut)), whole, strict=True):
            np.testing.assert_array_equal(ours, wanted)


@pytest.fixture
def several_bands(monkeypatch):
    for module in (fused_averaging, fused_pyramid, fused_structure, fused_pair_passes, fused_passes, fused_scale):
        monkeypatch.setattr(module, "SAMPLES", 1 << 12)


@needs_numba
@shapes
@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "nlpd"])
def test_metrics_do_not_depend_on_the_number_of_threads(name, shape, several_bands):
    image, other = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).unbind()
    prepared = madcore.create_metric(name).prepare(image)
    found = []
    for threads in (1, 2, 5):
        with using(threads):
            found.append((*prepared.value_and_gradient(other), prepared(other)))
    for others in found[1:]:
        assert all(map(torch.equal, found[0], others))


def begun(shape):
    image, noise = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).unbind()
    held = (madcore.create_metric("mse"),)
    problem = MADProblem.create(image, madcore.create_metric("ssim"), held, signs("min", shape[0]))
    start = problem.bounds.clamp((image + 0.4 * (noise - 0.5)).flatten(1))
    solver = LevelSet(momentum_steps=4, slow=1e9)
    state = solver.init(problem, start, problem.held_values(start))
    for _ in range(14):
        state = solver.step(problem, state)
    assert state.some_quasi
    return problem, state


def passed(problem, state):
    """Return everything that the compiled passes make of a state."""
    evaluation, numbers = state.evaluation, state.merit.numpy()
    passes = fused_passes.FusedPasses(problem.image.shape)
    pairs = fused_pair_passes.FusedPairPasses(problem.image.shape)
    yield from passes.renew_momentum(state, 0.9)
    yield from passes.descend(state, state.momentum)
    proposal, ahead = passes.propose(problem, state, state.slope, 1 + numbers, 1 - numbers)
    yield from (proposal, *vars(ahead).values(), passes.on_ray(problem, proposal, 1 + numbers))
    yield from passes.inside(problem, state.point, evaluation)
    yield from vars(passes.compare(state, proposal, evaluation, state.multiplier)).values()
    products, along = pairs.products(state)
    weights = along / products.abs().amax()
    yield from (products, along, pairs.subtract(state, weights))
    yield from pairs.move(state, state.slope, 1 + state.merit)
    yield from pairs.add(state, state.slope, weights)


def learned(state):
    """Return what is gathered from images for the learned metric, and what is spread over them."""
    operator = state.operator
    assert isinstance(operator, fused_scale.FusedSecantScale)
    cells = operator._cells(state.slope)
    spectrum = torch.view_as_complex(torch.stack([state.slope, state.point], 2)).view(len(cells), *operator.shape)
    return cells, operator._enlarged(cells), operator._ring_means(spectrum[..., : operator.shape[-1] // 2 + 1])


@needs_numba
@shapes
def test_passes_of_the_solver_do_not_depend_on_the_number_of_threads(shape, several_bands):
    problem, state = begun(shape)
    found = []
    for threads in (1, 2, 5):
        with using(threads):
            found.append([torch.as_tensor(each) for each in (*passed(problem, state), *learned(state))])
    for others in found[1:]:
        assert all(map(torch.equal, found[0], others))
