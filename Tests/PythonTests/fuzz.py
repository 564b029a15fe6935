"""Random bad calls: `python fuzz.py COUNT [FIRST]` makes calls FIRST to FIRST + COUNT, each from a seed of its own.

Each call ends in a valid result or in an exception with a text. The process dies of a crash, and says the seed of a
call before it makes it when the environment variable FOCI_FUZZ_VERBOSE is set.
"""

from __future__ import annotations

import collections
import os
import sys
import time

import numpy as np

import foci
from foci import linear_model


class Odd:
    """What is no array, but can be asked for its length and its numbers."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        raise TypeError("no elements")

    def __float__(self):
        raise TypeError("no number")


def pick(generator, choices):
    return choices[generator.integers(len(choices))]


def shape(generator):
    """Mostly of the right number of dimensions; small."""
    sizes = [0, 1, 1, 2, 3, 5, 8, 20]
    return tuple(pick(generator, sizes) for _ in range(pick(generator, [0, 1, 2, 2, 2, 2, 2, 3, 4])))


def array(generator, size=None, is_fitted=False):
    """An array that is likely wrong in one way."""
    values = generator.standard_normal(shape(generator) if size is None else size)
    kind = pick(
        generator, ["good"] * 30 + ["value", "value", "dtype", "dtype", "strides", "strides", "scale", "huge", "other"]
    )
    if kind == "value" and values.size:
        values.flat[generator.integers(values.size)] = pick(
            generator, [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1e200, 0.0]
        )
    elif kind == "scale":
        values *= pick(generator, [0.0, 1e-320, 1e-200, 1e-160, 1e150, 1e160, 1e300])
    elif kind == "dtype":
        dtype = pick(
            generator, ["f4", "f2", "g", "i8", "i1", "u8", "?", "c16", "O", "U5", "S3", "M8[s]", "m8[s]", ">f8", "V8"]
        )
        return values.astype("c16").astype(dtype) if dtype == "c16" else values.astype(dtype)
    elif kind == "strides" and values.ndim:
        way = pick(generator, ["negative", "zero", "step", "transposed", "overlapping", "unaligned"])
        if way == "negative":
            return values[::-1][..., ::-1]
        if way == "zero":
            return np.broadcast_to(values[:1], values.shape) if len(values) else values
        if way == "step":
            return np.repeat(values, 2, axis=0)[::2]
        if way == "transposed":
            return values.T
        if way == "overlapping" and values.ndim == 2 and values.shape[0] + values.shape[1] <= values.size:
            return np.lib.stride_tricks.sliding_window_view(values.ravel()[: sum(values.shape) - 1], values.shape[1])
        return np.frombuffer(b"\0" + values.tobytes(), np.uint8)[1:].view(float).reshape(values.shape)
    elif kind == "huge" and not is_fitted:  # scikit-learn would look at each element
        size = pick(generator, [(10**6, 10**6), (2**31, 3), (3, 2**31), (2**62, 2), (2**40,), (1, 2**60)])
        return np.broadcast_to(np.float64(1), size) if np.prod(size, dtype=float) * 8 < 2.0**63 else np.ones(3)
    elif kind == "other":
        return pick(generator, [None, "text", b"bytes", {}, {"a": 1}, Odd(), object(), 3, 2.5, True, [], [[]], [1, [2]],
                                [[1, 2], [3]], [None], float("nan"), lambda: 0, np.ma.masked_less(values, 0),
                                np.matrix([[1.0, 2.0]]), iter([1, 2]), range(3)])  # fmt: skip
    return np.asfortranarray(values) if generator.random() < 0.5 else values


def number(generator, usual):
    """A number that is often wrong."""
    if generator.random() < 0.85:
        return usual
    return pick(generator, [None, 0, -1, 1, 2, 0.5, -0.0, 1e-300, 1e300, np.nan, np.inf, -np.inf, True, "3", "", "a\0b",
                            "\ud800", b"x", [], [1.0], np.float32(0.3), np.int64(3), np.array(0.5), np.array([0.5]),
                            10**400, 2**63, -(2**63), 1j, Odd(), object(), {}])  # fmt: skip


def text(generator, choices):
    return pick(generator, choices) if generator.random() < 0.8 else number(generator, "nonsense")


def data(generator, **options):
    """X and Y, half of the time of the same number of rows."""
    if generator.random() < 0.8:
        n, q, T = (int(generator.integers(1, limit)) for limit in (12, 20, 4))
        return array(generator, (n, q), **options), array(generator, pick(generator, [(n, T), (n, T), (n,)]), **options)
    return array(generator, **options), array(generator, **options)


def groups(generator):
    return None if generator.random() < 0.6 else pick(
        generator, [1, 2, [1, 2], [[0], [1]], [[0, 0]], [[]], "abc", -1, 0.5, np.nan, range(5), array(generator), {},
                    Odd(), np.zeros(5, int), np.full(3, 2**62), [2**63, 1], [[-1, 0]], [[0.5]]])  # fmt: skip


def weights(generator):
    return None if generator.random() < 0.6 else array(generator, (int(generator.integers(1, 20)),))


PENALTIES = ["l21", "l1", "elastic-net", "mcp", "scad"]
CRITERIA = ["sure", "sure-mc", "held-out", "kfold", "gcv", "aic", "bic", "ebic", "evidence", "noise-quantile"]
SEARCHES = ["path", "brent", "grid", "random", "bayesian", "gradient", "line-search", "l-bfgs", "adam"]


def some(generator, **options):
    """Each option now and then."""
    return {name: make() for name, make in options.items() if generator.random() < 0.25}


def checked(found):
    """What was found, if it is what it should be."""
    assert found.coef.shape[0] == len(found.columns)
    assert np.all(np.isfinite(found.coef)), "coefficients that are not finite"
    assert np.all((found.columns >= 0) & (found.columns < found.n_features))
    if found.n_features < 10**6:
        found.coef_dense()


def common(generator):
    penalty = text(generator, PENALTIES) if generator.random() < 0.5 else "l21"
    shape = {"elastic-net": "ridge", "mcp": "gamma", "scad": "gamma"}.get(penalty if isinstance(penalty, str) else "")
    shapes = {shape: number(generator, 3.0)} if shape else some(generator, gamma=lambda: 3.0)
    return (
        {"penalty": penalty}
        | shapes
        | some(
            generator,
            groups=lambda: groups(generator),
            tol=lambda: number(generator, 1e-6),
            threads=lambda: number(generator, 1),
        )
    )


def call_solve(generator):
    X, Y = data(generator)
    strength = pick(generator, ["alpha", "lambda_", "lambda_ratio", "lambda_ratio", "lambda_ratio"])
    options = some(
        generator,
        weights=lambda: weights(generator),
        reweight=lambda: number(generator, 2),
        reweight_scale=lambda: text(generator, ["strongest", "median", "unit"]),
        debias=lambda: number(generator, True),
        solver=lambda: text(generator, ["auto", "descent", "dual", "gradient"]),
    )
    limit = number(generator, 2.0)
    checked(foci.solve(X, Y, time_limit=limit, **{strength: number(generator, 0.3)}, **options, **common(generator)))


def call_path(generator):
    X, Y = data(generator)
    options = some(
        generator,
        weights=lambda: weights(generator),
        alphas=lambda: array(generator, (3,)),
        eps=lambda: number(generator, 0.1),
    )
    for solution in foci.path(
        X, Y, n_alphas=number(generator, 5), time_limit=number(generator, 2.0), **options, **common(generator)
    ):
        checked(solution)


def call_select(generator):
    X, Y = data(generator)
    options = some(
        generator,
        criterion=lambda: text(generator, CRITERIA),
        search=lambda: text(generator, SEARCHES),
        weights=lambda: text(generator, ["shared", "learned"]),
        sigma=lambda: number(generator, 0.5),
        hypergradient=lambda: text(
            generator, ["implicit", "implicit-forward", "forward", "backward", "finite-differences"]
        ),
        start=lambda: number(generator, 0.3),
        folds=lambda: number(generator, 3),
        draws=lambda: number(generator, 2),
        seed=lambda: number(generator, 1),
    )
    evaluations = pick(generator, [1, 5, 5, 5, 0, -1, "5", np.nan])
    checked(foci.select(X, Y, evaluations=evaluations, **options, **common(generator)))


def call_refine(generator):
    X, Y = data(generator)
    options = some(
        generator,
        charge=lambda: number(generator, 0.5),
        sigma=lambda: number(generator, 0.5),
        false_positive_rate=lambda: number(generator, 0.05),
        maximum_count=lambda: number(generator, 3),
        ridge=lambda: number(generator, 0.1),
        start=lambda: (
            array(generator, (2,)) if generator.random() < 0.5 else pick(generator, [[0, 1], [-1], [10**9], [0, 0]])
        ),
        groups=lambda: groups(generator),
        seed=lambda: number(generator, 1),
        threads=lambda: number(generator, 1),
    )
    checked(foci.refine(X, Y, **options))


def call_fit(generator):
    X, y = data(generator, is_fitted=True)
    make = getattr(linear_model, pick(generator, linear_model.__all__))
    taken = make._get_param_names()
    options = some(
        generator,
        alpha=lambda: number(generator, 0.1),
        weights=lambda: weights(generator),
        groups=lambda: groups(generator),
        l1_ratio=lambda: number(generator, 0.5),
        n_reweights=lambda: number(generator, 2),
        sigma=lambda: number(generator, 0.5),
        cv=lambda: number(generator, 3),
        search=lambda: text(generator, SEARCHES),
        fit_intercept=lambda: number(generator, False),
        copy_X=lambda: number(generator, False),
        tol=lambda: number(generator, 1e-6),
        threads=lambda: number(generator, 1),
        random_state=lambda: number(generator, 1),
    )
    if "max_iter" in taken:
        options["max_iter"] = number(generator, 1000)
    model = make(**{name: value for name, value in options.items() if name in taken})
    if "sample_weight" in model.fit.__code__.co_varnames and generator.random() < 0.4:
        model.fit(X, y, weights(generator))
    else:
        model.fit(X, y)
    assert np.all(np.isfinite(model.predict(X)))


CALLS = [call_solve, call_solve, call_path, call_select, call_select, call_refine, call_fit]


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    outcomes: collections.Counter[str] = collections.Counter()
    for seed in range(first, first + count):
        generator = np.random.default_rng(seed)
        call = pick(generator, CALLS)
        if os.environ.get("FOCI_FUZZ_VERBOSE"):
            print(seed, call.__name__, flush=True)
        begin = time.perf_counter()
        try:
            call(generator)
            outcomes["valid"] += 1
        except AssertionError as error:
            raise SystemExit(f"seed {seed}: {error}") from error
        except Exception as error:
            # TypeError is scikit-learn's word for what is no array.
            if (
                not isinstance(error, (ValueError, TypeError, MemoryError, foci.NumericalError))
                or not str(error).strip()
            ):
                raise SystemExit(f"seed {seed}: {error!r} is not a clear error") from error
            outcomes[type(error).__name__] += 1
        seconds = time.perf_counter() - begin
        if seconds > 30:
            raise SystemExit(f"seed {seed}: {seconds:.0f} s for a small problem")
    print(f"{count} calls: {dict(outcomes)}")


if __name__ == "__main__":
    main()
