"""Models of mixed effects: the estimator, formulas, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest
from sklearn.base import clone

import foci
from foci import _library
from foci.mixed import LinearMixedModel, fit


def study(seed=0, groups=24, rows=12):
    """y = 5 + 2 x0 + level and slope of x0 of each group + noise; x1 and x2 say nothing."""
    generator = np.random.default_rng(seed)
    X = generator.standard_normal((groups * rows, 3))
    labels = np.repeat(np.arange(groups), rows)
    level, slope = generator.standard_normal((2, groups))
    y = 5 + level[labels] + (2 + slope[labels]) * X[:, 0] + 0.5 * generator.standard_normal(len(labels))
    return X, y, labels


def test_average_finds_what_is_there():
    X, y, groups = study()
    model = LinearMixedModel().fit(X, y, groups=groups, random="all")
    assert model.selected_.tolist() == [True, False, False]
    assert model.random_names_ == ["(Intercept)", "x0", "x1", "x2"]
    assert model.random_selected_.tolist() == [True, True, False, False]
    assert abs(model.coef_[0] - 2) < 0.6 and np.all(model.coef_[1:] == 0) and abs(model.intercept_ - 5) < 0.6
    assert np.all((model.inclusion_ >= 0) & (model.inclusion_ <= 1)) and model.inclusion_[0] > 0.99
    assert 0.4 < model.random_variances_[1] < 2.5 and np.all(model.random_variances_[2:] == 0)
    assert 0.2 < model.noise_variance_ < 0.32 and np.isnan(model.lam_)
    assert model.deviations_.shape == (24, 4) and len(model.groups_) == 24
    assert "2 of 4 fixed effects" in str(model.result_)


@pytest.mark.parametrize("select", ["none", "subset", "newton", "pgd", "msr3", "msr3-fast"])
def test_selections(select):
    X, y, groups = study(1)
    model = LinearMixedModel(select).fit(X, y, groups=groups, random=[0])
    assert model.selected_[0] and abs(model.coef_[0] - 2) < 0.7
    assert np.all(model.selected_) == (select == "none")
    assert np.isfinite(model.lam_) == (select in ("newton", "pgd", "msr3", "msr3-fast"))
    assert np.all(np.isnan(model.inclusion_))


def test_predict_and_score():
    X, y, groups = study(2)
    model = LinearMixedModel("none").fit(X, y, groups=groups, random=[0])
    with_groups, without = model.predict(X, groups), model.predict(X)
    np.testing.assert_allclose(without, X @ model.coef_ + model.intercept_)
    np.testing.assert_allclose(with_groups[model.result_.rows], model.result_.fitted, atol=1e-9)
    assert model.score(X, y, groups) > 0.9 > model.score(X, y)
    # A group that was not seen departs from nothing.
    np.testing.assert_allclose(model.predict(X[:3], ["new"] * 3), without[:3])


def test_own_random_columns_and_known_noise():
    X, y, groups = study(3)
    by_index = LinearMixedModel("none", random_intercept=False).fit(X, y, groups, random=[0], noise_variance=0.25)
    by_array = LinearMixedModel("none", random_intercept=False).fit(X, y, groups, X[:, :1], noise_variance=0.25)
    np.testing.assert_allclose(by_index.coef_, by_array.coef_)
    assert by_index.noise_variance_ == 0.25 and by_array.random_names_ == ["z0"]
    np.testing.assert_allclose(by_index.predict(X, groups), by_array.predict(X, groups, X[:, :1]))


def test_columns_that_say_nothing_new():
    X, y, groups = study(4)
    X = np.column_stack([X, 2 * X[:, 0]])
    with pytest.warns(foci.FociWarning, match="'x3' was left out: it is a multiple of 'x0'"):
        model = LinearMixedModel("none").fit(X, y, groups=groups)
    assert model.coef_.shape == (4,) and model.coef_[3] == 0 and not model.selected_[3]
    assert model.predict(X).shape == y.shape


def test_follows_scikit_learn():
    X, y, groups = study(5)
    model = LinearMixedModel("subset", hierarchy=False)
    assert clone(model).get_params() == model.get_params()
    first, second = clone(model).fit(X, y, groups), clone(model).fit(X, y, groups)
    np.testing.assert_array_equal(first.coef_, second.coef_)
    with pytest.raises(ValueError, match="3 features"):
        first.predict(X[:, :2])


def test_formula():
    pandas = pytest.importorskip("pandas")
    X, y, groups = study(6)
    frame = pandas.DataFrame({"y": y, "a": X[:, 0], "b": X[:, 1], "who": [f"s{k}" for k in groups]})
    frame["kind"] = pandas.Categorical(np.where(np.arange(len(y)) % 2 == 0, "odd", "even"))
    frame.loc[3, "a"] = np.nan
    result = fit("y ~ a*kind + b + (1 + a || who)", frame, select="none")
    assert result.fixed_names == ["(Intercept)", "a", "kindodd", "b", "a:kindodd"]
    assert result.random_names == ["(Intercept)", "a"] and result.report["missing_rows"] == 1
    assert abs(result.fixed[1] - 2) < 0.7 and np.all(result.standard_errors > 0)
    tables = result.tables()
    np.testing.assert_array_equal(tables["fixed"]["estimate"], result.fixed)
    assert tables["groups"].shape == (24, 4) and "<svg" in result.figure()
    # The estimator's numbers, of the same columns.
    clean = frame.dropna()
    model = LinearMixedModel("none").fit(clean[["a", "b"]], clean["y"], clean["who"], random=["a"])
    same = fit("y ~ a + b + (a || who)", frame, select="none")
    np.testing.assert_allclose([model.intercept_, *model.coef_], same.fixed, rtol=1e-10)
    named = fit("y ~ a + (1 | who)", {name: frame[name].tolist() for name in frame}, select="none")
    assert named.fixed_names == ["(Intercept)", "a"]


def test_refusals():
    X, y, groups = study(7)
    model = LinearMixedModel()
    for arguments, options, part in [
        ((X, y), {}, "groups"),
        ((X, y, groups[:-1]), {}, "groups"),
        ((X, y, groups, X[:-1]), {}, "Z: found"),
        ((X, y, groups), {"random": "some"}, "random"),
        ((X, y, groups), {"random": [7]}, "random"),
        ((X, y, groups, X), {"random": [0]}, "random"),
        ((X, y, np.zeros(len(y))), {}, "one group"),
        ((X, y, np.arange(len(y))), {}, "one row in each group"),
        ((X, y, groups), {"noise_variance": -1.0}, "noise-variance"),
    ]:
        with pytest.raises(foci.InvalidInput, match=part):
            model.fit(*arguments, **options)
    for parameters, part in [
        ({"select": "best"}, "select"),
        ({"penalty": "l7"}, "penalty"),
        ({"lam": 1.0}, "lambda"),
        ({"select": "pgd", "lam": -1.0}, "lambda"),
        ({"confidence": 2.0}, "confidence"),
    ]:
        with pytest.raises(foci.InvalidInput, match=part):
            LinearMixedModel(**parameters).fit(X, y, groups=groups)
    with pytest.raises(foci.InvalidInput, match="'heigth'.*'height'"):
        fit("y ~ heigth + (1 | g)", {"y": y, "height": X[:, 0], "g": groups})
    with pytest.raises(foci.InvalidInput, match="formula"):
        fit("y ~ (", {"y": y, "g": groups})


def test_header_names():
    assert {"select", "penalty", "lambda", "formula"} <= {option["name"] for option in _library.names("mixed")}


@pytest.mark.skipif(not os.environ.get("FOCI_COMMAND"), reason="FOCI_COMMAND names no program")
@pytest.mark.parametrize("select", ["average", "none", "pgd"])
def test_command_finds_the_same(tmp_path, select):
    X, y, groups = study(8)
    lines = [
        "y\ta\tb\tg",
        *(f"{v!r}\t{a!r}\t{b!r}\ts{g}" for v, a, b, g in zip(y.tolist(), *X[:, :2].T.tolist(), groups, strict=True)),
    ]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    formula = "y ~ a + b + (a || g)"
    command = [os.environ["FOCI_COMMAND"], "mixed", "t.tsv", "--formula", formula, "--json", "--quiet"]
    command += ["--select", select]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    result = fit(formula, {"y": y, "a": X[:, 0], "b": X[:, 1], "g": [f"s{k}" for k in groups]}, select=select)
    expected, got = json.loads(found.stdout), dict(result.report)
    for name in ("seconds", "selection_seconds", "fit_seconds"):
        del expected[name], got[name]
    assert expected == got

    def told(part, name):
        return np.array([np.nan if effect[name] is None else effect[name] for effect in expected[part]])

    for own, theirs in [
        (result.penalized, told("fixed", "penalized")),
        (result.random_penalized, told("random", "penalized")),
        (result.random_pvalues, told("random", "p")),
        (result.random_intervals, np.column_stack([told("random", "lower"), told("random", "upper")])),
    ]:
        np.testing.assert_array_equal(own, theirs)
    # Each is there where it is said to be.
    assert np.all(np.isfinite(result.penalized)) == (select == "pgd")
    assert np.all(np.isfinite(result.random_penalized)) == (select == "pgd")
    assert np.array_equal(np.isfinite(result.random_pvalues), result.random_selected)
    if select == "none":
        deviations = np.sqrt(result.random_variances)
        assert np.all(result.random_intervals[:, 0] < deviations) and np.all(deviations < result.random_intervals[:, 1])
    else:
        assert np.all(np.isnan(result.random_intervals))


def test_intervals_are_made_for_eight_random_effects_at_most():
    generator = np.random.default_rng(9)
    X, groups = generator.standard_normal((200, 8)), np.repeat(np.arange(20), 10)
    y = (1 + generator.standard_normal(20))[groups] + 0.5 * generator.standard_normal(200)
    for columns in ([0, 1], list(range(8))):  # and the intercept
        result = LinearMixedModel("none").fit(X, y, groups, random=columns).result_
        assert bool(np.isfinite(result.random_intervals[0, 0])) == (len(columns) < 8)
