"""The binding: import, errors, warnings, progress, memory, threads and processes."""

from __future__ import annotations

import concurrent.futures
import contextlib
import doctest
import gc
import importlib
import multiprocessing
import os
import threading
import weakref

import numpy as np
import pytest
from conftest import Regression, make_regression

import foci
from foci import _library

# ---- Import --------------------------------------------------------------------------------------------------------


def test_version_is_the_library_s():
    assert _library.version() == foci.__version__


def test_import_is_quick_and_brings_nothing_along(python):
    code = """
import sys, time
begin = time.perf_counter()
import foci
seconds = time.perf_counter() - begin
print(seconds, *[name for name in ("numpy", "scipy", "sklearn", "mne", "ctypes") if name in sys.modules])
"""
    printed = [python(code).stdout.split() for _ in range(5)]
    assert all(len(words) == 1 for words in printed), printed
    assert min(float(words[0]) for words in printed) < 0.1


def test_arrays_need_no_scikit_learn(python):
    done = python("import sys, foci; foci.solve([[1.0]], [1.0], 0.1); print('sklearn' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def test_all_names_are_there():
    for name in set(foci.__all__) - {"mne"}:
        assert getattr(foci, name) is not None
    assert set(foci.__all__) <= set(dir(foci))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        foci.nonsense  # noqa: B018


@pytest.mark.parametrize("name", ["_arrays", "dynamics", "linear_model"])
def test_examples_of_docstrings(name):
    tried = doctest.testmod(importlib.import_module(f"foci.{name}"))
    assert tried.attempted
    assert not tried.failed


def test_a_library_that_is_not_there_is_one_clear_error(python, tmp_path):
    (tmp_path / "text.so").write_text("no library")
    for path in (tmp_path / "absent.so", tmp_path / "text.so", "libc.so.6"):
        done = python("import foci; foci.solve", FOCI_LIBRARY=str(path))
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("ImportError: foci's compiled library cannot be used (")
        assert "FOCI_LIBRARY" in last


# ---- Values and results --------------------------------------------------------------------------------------------


def test_options_have_names():
    functions = ("solve", "path", "select", "refine", "mixed", "dynamics", "dynamics_sources", "localize", "page")
    for function in (*functions, "forward", "recording", "covariance"):
        listed = _library.names(function)
        assert listed
        assert all(entry["name"] and entry["help"] for entry in listed)
    with pytest.raises(KeyError):
        _library.names("nonsense")


def test_an_unknown_option_is_an_error(regression: Regression):
    problem = _library.Problem(regression.X, regression.Y)
    with pytest.raises(foci.InvalidInput, match="nonsense"):
        _library.run("solve", problem, options=_library.Values(lambda_ratio=0.5, nonsense=1))


@pytest.mark.parametrize(
    "value", [1j, {}, [[1.0], [1.0, 2.0]], "a\0b", "\ud800", object(), [None], [1, "a"], 10**400, [2**63], ["a", None]]
)
def test_values_of_other_types_are_errors(value):
    with pytest.raises(foci.InvalidInput):
        _library.Values(name=value)


def solved(regression: Regression) -> _library.Result:
    problem = _library.Problem(regression.X, regression.Y)
    return _library.run("solve", problem, options=_library.Values(lambda_ratio=0.3))


def test_views_keep_their_result(regression: Regression):
    result = solved(regression)
    copy, view = result.array("coefficients"), result.array("coefficients", copy=False)
    kept = weakref.ref(result)
    del result
    gc.collect()
    assert kept() is not None
    np.testing.assert_array_equal(view, copy)
    assert copy.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1
    part = view[:1]
    del view
    assert kept() is not None
    del part
    assert kept() is None


def test_what_a_result_has_not_is_a_key_error(regression: Regression):
    result = solved(regression)
    for get in (result.text, result.number, result.array):
        with pytest.raises(KeyError):
            get("nonsense")
    assert result.number("objective") == result.json["objective"]


def test_nothing_found_is_an_empty_array(regression: Regression):
    solution = foci.solve(regression.X, regression.Y, lambda_ratio=1)
    assert solution.coef.shape == (0, 5)
    assert not np.any(solution.coef_dense())


# ---- Warnings and progress -----------------------------------------------------------------------------------------


def test_progress_is_told_and_can_stop(regression: Regression):
    told = []
    foci.select(regression.X, regression.Y, progress=lambda stage, detail: told.append((stage, detail)))
    assert told
    assert all(isinstance(text, str) for pair in told for text in pair)

    class Enough(Exception):
        pass

    def stop(stage, detail):
        raise Enough(stage)

    with pytest.raises(Enough, match=told[0][0]):
        foci.select(regression.X, regression.Y, progress=stop)


# ---- Memory --------------------------------------------------------------------------------------------------------


def resident() -> int:
    """Bytes that this process holds."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_calls_leak_nothing():
    data = make_regression(0, n=200, q=2000, T=20)  # 3.2 MB

    def calls(count):
        for _ in range(count):
            X = np.asfortranarray(data.X + 0.0)
            foci.solve(X, data.Y, lambda_ratio=0.8)
            foci.solve(np.ascontiguousarray(X), data.Y, lambda_ratio=0.8)
            with pytest.raises(foci.InvalidInput):
                foci.solve(X, data.Y, lambda_ratio=2)

    gc.collect()
    gc.disable()  # what goes must not wait for the collector
    try:
        calls(20)
        before = resident()
        calls(60)
        assert resident() - before < 30e6  # of 400 MB that went through
    finally:
        gc.enable()


def test_nothing_waits_for_the_collector(regression: Regression):
    def calls():
        for options in (
            {"lambda_ratio": 0.3},
            {"lambda_ratio": 2},
            {"alpha": 0},
            {"lambda_ratio": 0.3, "weights": [1]},
        ):
            with contextlib.suppress(foci.InvalidInput):
                foci.solve(regression.X, regression.Y, **options)
            with contextlib.suppress(foci.InvalidInput):
                foci.solve(regression.X * np.nan, regression.Y, **options)
        foci.path(regression.X, regression.Y, n_alphas=3)
        foci.select(regression.X, regression.Y)
        foci.refine(regression.X, regression.Y)

    calls()
    gc.collect()
    gc.disable()
    try:
        calls()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_solve_copies_no_matrix(python):
    code = """
import numpy as np, foci, sys

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

def current():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) * 1024

foci.solve(np.eye(3), np.ones(3), lambda_ratio=0.5)  # what the library itself takes
before = current()
X = np.empty((400, 60_000), order="F")
generator = np.random.default_rng(0)
for begin in range(0, 60_000, 1000):
    X[:, begin:begin + 1000] = generator.standard_normal((400, 1000))
Y = X[:, ::6000] @ generator.standard_normal((10, 10)) + generator.standard_normal((400, 10))
if sys.argv[1] == "solve":
    foci.solve(X, Y, lambda_ratio=0.5)
elif sys.argv[1] == "select":
    foci.select(X, Y, evaluations=2)
else:
    model = foci.MultiTaskLasso(alpha=0.5 * np.max(np.linalg.norm(X.T @ Y, axis=1)) / 400, fit_intercept=False)
    import sklearn.linear_model
    before += max(0, current() - before - X.nbytes)  # scikit-learn
    model.fit(X, Y)
    assert 0 < len(model.active_) < 60_000
print((peak() - before) / X.nbytes)
"""
    for function in ("solve", "select", "fit"):
        done = python("import warnings; warnings.simplefilter('ignore')\n" + code, function)
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) < 1.4, (function, done.stdout)


# ---- Threads and processes -----------------------------------------------------------------------------------------


def test_threads_share_the_library_and_python_runs_meanwhile():
    problems = [make_regression(seed, n=100, q=1000, T=10) for seed in range(8)]
    expected = [foci.solve(data.X, data.Y, lambda_ratio=0.1).coef for data in problems]
    counted, done = 0, threading.Event()

    def count():
        nonlocal counted
        while not done.is_set():
            counted += 1

    counter = threading.Thread(target=count)
    counter.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda data: foci.solve(data.X, data.Y, lambda_ratio=0.1).coef, problems * 3))
    done.set()
    counter.join()
    for coef, same in zip(found, expected * 3, strict=True):
        np.testing.assert_array_equal(coef, same)
    assert counted > 1000


def test_errors_and_warnings_belong_to_their_thread(regression: Regression):
    def wrong(ratio):
        with pytest.raises(foci.InvalidInput, match=str(ratio)):
            foci.solve(regression.X, regression.Y, lambda_ratio=ratio)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(wrong, range(101, 301)))


def _solve_of(seed: int) -> np.ndarray:
    # Without a product: numpy's depend on its number of threads, which loky sets.
    generator = np.random.default_rng(seed)
    X = np.asfortranarray(generator.standard_normal((100, 1000)))
    return foci.solve(X, 3 * X[:, :10] + generator.standard_normal((100, 10)), lambda_ratio=0.1).coef


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method):
    expected = [_solve_of(seed) for seed in range(4)]  # before: the library's threads must not hinder a fork
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        for coef, same in zip(pool.map(_solve_of, range(4), timeout=120), expected, strict=True):
            np.testing.assert_array_equal(coef, same)


def test_loky():
    joblib = pytest.importorskip("joblib")
    expected = [_solve_of(seed) for seed in range(4)]
    found = joblib.Parallel(2, "loky")(joblib.delayed(_solve_of)(seed) for seed in range(4))
    for coef, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(coef, same)


def test_numpy_keeps_its_threads(python):
    """numpy's BLAS and the library's, used in turn and at once, give what they give alone."""
    code = """
import threading
import numpy as np, foci
generator = np.random.default_rng(0)
A = generator.standard_normal((600, 600))
X = np.asfortranarray(generator.standard_normal((100, 2000)))
Y = generator.standard_normal((100, 10))
product, coef = A @ A, foci.solve(X, Y, lambda_ratio=0.1).coef
try:
    import threadpoolctl
    numbers = {info["filepath"]: info["num_threads"] for info in threadpoolctl.threadpool_info()}
except ImportError:
    threadpoolctl = None
wrong = []
def multiply():
    for _ in range(30):
        if not np.array_equal(A @ A, product): wrong.append("product")
def solve():
    for _ in range(10):
        if not np.array_equal(foci.solve(X, Y, lambda_ratio=0.1).coef, coef): wrong.append("solve")
threads = [threading.Thread(target=target) for target in (multiply, solve, solve)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if threadpoolctl:
    after = {info["filepath"]: info["num_threads"] for info in threadpoolctl.threadpool_info()}
    if numbers != after: wrong.append((numbers, after))
print(wrong)
"""
    done = python(code)
    assert done.stdout == "[]\n", (done.stdout, done.stderr)
