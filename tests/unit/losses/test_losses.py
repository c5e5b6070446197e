"""What every loss must do, whichever it is."""

import os
import subprocess
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skybake import losses, plugins
from tests.conftest import ROOT
from tests.unit.losses._loss_cases import (
    MAGIC,
    NAMES,
    case,
    evaluate,
    extreme,
    head,
    is_class,
    labels_per_row,
    parameters,
    width,
)

BATCH = [name for name in NAMES if plugins.losses()[name].constants.get("batch")]
SEPARATE = [name for name in NAMES if name not in BATCH]
HALVES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def values(name, y, p):
    return evaluate(name, y, p)[0]


@pytest.mark.parametrize("name", NAMES)
def test_one_value_an_object(name):
    y, p = case(name)
    found = values(name, y, p)
    assert found.shape == (len(y),)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert name == "zeros_loss" or len(np.unique(found)) > len(y) / 2


@pytest.mark.parametrize("name", NAMES)
def test_an_object_depends_on_others_only_in_batch_losses(name):
    y, p = case(name)
    other_y, other_p = y.copy(), p.copy()
    other_p[5] *= -1.7
    other_y[5] = 1 - np.clip(y[5], 0, 1)
    before, after = values(name, y, p), values(name, other_y, other_p)
    others = (np.isfinite(y) & (y != MAGIC)).any(axis=1) & (np.arange(len(y)) != 5)
    assert before[3] == after[3] == 0
    if name in BATCH:
        assert (np.abs(before - after)[others] > 1e-4).all()
    else:
        assert np.array_equal(before[others], after[others])
        assert name == "zeros_loss" or before[5] != after[5]


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_objects_does_not_matter(name):
    y, p = case(name)
    order = np.random.default_rng(3).permutation(len(y))
    assert np.allclose(values(name, y, p)[order], values(name, y[order], p[order]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_missing_is_missing_however_it_is_written(name):
    y, p = case(name)
    missing = ~np.isfinite(y) | (y == MAGIC)
    found = [evaluate(name, np.where(missing, mark, y).astype(np.float32), p) for mark in (MAGIC, np.nan, np.inf)]
    for other in found[1:]:
        assert np.array_equal(found[0][0], other[0])
        assert np.array_equal(found[0][1], other[1])
    assert np.isfinite(found[0][1]).all()


@pytest.mark.parametrize("name", [name for name in SEPARATE if labels_per_row(name) > 1])
def test_missing_labels_are_as_if_they_were_not_there(name):
    """The correction F is applied once: known labels weigh as they do without the missing ones."""
    y, p = case(name)
    count = y.shape[1]
    known = np.isfinite(y) & (y != MAGIC)
    for row in range(len(y)):
        if known[row].any():
            kept = p[row].reshape(-1, count)[:, known[row]].reshape(1, -1)
            alone = values(name, y[row : row + 1, known[row]], kept)
            assert np.allclose(values(name, y, p)[row], alone[0], rtol=1e-5, atol=1e-6), row


@pytest.mark.parametrize("name", NAMES)
def test_no_label_no_cost_and_no_gradient(name):
    y, p = case(name)
    for mark in (MAGIC, np.nan):
        found, gradient = evaluate(name, np.full_like(y, mark), p)
        assert (found == 0).all() or name == "batch_log_likelihood"
        assert np.abs(found).max() == 0
        assert (gradient == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_are_finite_at_extremes(name):
    found, gradient = evaluate(name, *extreme(name))
    assert np.isfinite(found).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=8, derandomize=True)
@given(data=st.data())
def test_values_and_gradients_are_finite_for_any_finite_outputs(name, data):
    count = labels_per_row(name)
    label = (
        st.sampled_from([0.0, 1.0]) if is_class(name) or "binary" in name else st.floats(-(2.0**99), 2.0**99, width=32)
    )
    y = data.draw(arrays.arrays(np.float32, (8, count), elements=label | st.sampled_from([MAGIC, np.nan])))
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    p = data.draw(arrays.arrays(np.float32, (8, width(name, count)), elements=finite))
    found, gradient = evaluate(name, y, p)
    assert np.isfinite(found).all()
    assert np.isfinite(gradient).all()
    assert (found[(~np.isfinite(y) | (y == MAGIC)).all(axis=1)] == 0).all()


@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("name", NAMES)
def test_half_precision(name, kind):
    """Labels and outputs in half precision: the magic number, not exact there, is known, and nothing overflows."""
    y, p = case(name)
    half_y, half_p = y.astype(HALVES[kind]), p.astype(HALVES[kind])
    found, gradient = evaluate(name, half_y, half_p)
    assert str(gradient.dtype) == kind
    wide_y = np.where(np.isfinite(y) & (y != MAGIC), half_y.astype(np.float32), MAGIC)
    expected, _ = evaluate(name, wide_y, half_p.astype(np.float32))
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.allclose(losses.get(name, **parameters(name))(half_y, half_p), expected.mean(), rtol=1e-5, atol=1e-6)
    largest = 65504 if kind == "float16" else 3e38
    y, p = extreme(name)
    found, gradient = evaluate(name, y, np.clip(p, -largest, largest).astype(HALVES[kind]))
    assert np.isfinite(found).all()
    assert np.isfinite(gradient.astype(np.float32)).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "zeros_loss"])
def test_gradients_are_those_of_the_values(name):
    y, p = (array.astype(np.float64) for array in case(name, seed=4))
    rng = np.random.default_rng(5)
    _, gradient = evaluate(name, y, p)
    for _ in range(2):
        direction = rng.normal(size=p.shape)
        up, down = (values(name, y, p + sign * 1e-6 * direction).sum() for sign in (1, -1))
        assert (up - down) / 2e-6 == pytest.approx((gradient * direction).sum(), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_sample_weights_and_reductions(name):
    y, p = case(name)
    weight = np.linspace(0, 2, len(y)).astype(np.float32)
    each = values(name, y, p)
    compiled = losses.get(name, **parameters(name))
    assert float(compiled(y, p)) == pytest.approx(each.mean(), rel=1e-5, abs=1e-6)
    for shaped in (weight, weight[:, None]):
        assert float(compiled(y, p, sample_weight=shaped)) == pytest.approx((weight * each).mean(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_compiles_trains_saves_and_loads(name, tmp_path):
    y, p = case(name)
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(p.shape[1])])
    network.compile("sgd", losses.get(name, **parameters(name)), run_eagerly=True)
    x = np.random.default_rng(6).normal(size=(len(y), 5)).astype(np.float32)
    assert np.isfinite(network.train_on_batch(x, y))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert loaded.loss.get_config() == network.loss.get_config()
    network.run_eagerly = loaded.run_eagerly = True
    assert loaded.evaluate(x, y, verbose=0) == network.evaluate(x, y, verbose=0)


@pytest.fixture(scope="module")
def jax_results(tmp_path_factory):
    """Load a saved network in a fresh process, which runs JAX, then evaluate every loss there."""
    folder = tmp_path_factory.mktemp("jax")
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile("sgd", losses.get("huber", delta=0.3))
    network.save(folder / "network.keras")
    script = (
        "import sys, keras\n"
        "from skybake import losses\n"
        "losses.register()\n"
        "loss = keras.saving.load_model(sys.argv[1]).loss\n"
        "assert loss.get_config()['parameters'] == {'delta': 0.3}, loss.get_config()\n"
        "assert abs(float(loss([[0.0]], [[0.2]])) - 0.02) < 1e-7\n"
        "from tests.unit.losses import _loss_cases\n"
        "_loss_cases.main(sys.argv[2])\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(folder / "network.keras"), str(folder / "jax.npz")],
        check=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    with np.load(folder / "jax.npz") as found:
        return dict(found)


@pytest.mark.parametrize("name", NAMES)
def test_jax_agrees_with_tensorflow(name, jax_results):
    for what, expected in zip(("values", "gradient"), evaluate(name, *case(name)), strict=True):
        assert np.allclose(jax_results[f"{name} case {what}"], expected, rtol=1e-5, atol=1e-5), what
        assert np.isfinite(jax_results[f"{name} extreme {what}"]).all(), what


@pytest.mark.parametrize("name", [name for name in NAMES if is_class(name)])
def test_classes_as_numbers_or_memberships(name):
    y, p = case(name)
    members = np.where(np.isfinite(y) & (y >= 0), y == np.arange(4), MAGIC).astype(np.float32)
    assert np.allclose(values(name, y, p), values(name, members, p), rtol=1e-6)
    assert np.allclose(values(name, y[:, 0], p), values(name, y, p), rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if "class_weights" in plugins.losses()[name].parameters])
def test_class_weights_multiply(name):
    y, p = case(name)
    weights = [1.0, 3.0] if head(name).startswith("binary") else [1.0, 3.0, 0.0, 2.0]
    plain, _ = evaluate(name, y[:, :1], p[:, : width(name, 1)])
    weighted, _ = evaluate(name, y[:, :1], p[:, : width(name, 1)], {"class_weights": weights})
    known = np.isfinite(y[:, 0]) & (y[:, 0] != MAGIC)
    assert np.allclose(weighted[known], plain[known] * np.array(weights)[y[known, 0].astype(int)], rtol=1e-6)
    assert (weighted[~known] == 0).all()
    for wrong in ([1.0], "balanced"):
        with pytest.raises(ValueError, match="class_weights"):
            evaluate(name, y[:, :1], p[:, : width(name, 1)], {"class_weights": wrong})


def test_a_vector_of_labels_is_a_column():
    """Keras would broadcast (n,) against (n, 1) to (n, n) without a word."""
    y, p = np.float32([1, 2, 3]), np.float32([[1], [2], [5]])
    assert np.array_equal(losses.function("mse")(y, p), [0, 0, 4])
    assert np.array_equal(losses.function("mse")(y[:, None], p[:, 0]), [0, 0, 4])


@pytest.mark.parametrize(
    ("name", "y", "p", "given", "message"),
    [
        ("mse", (4, 2), (4, 3), {}, "3 outputs found; expected 2"),
        ("gaussian_nll", (4, 1), (4, 3), {}, "3 outputs found; expected 2, 2 for each of 1 labels"),
        ("binned_crps", (4, 1), (4, 3), {"low": 0, "high": 1}, "expected one label and 50 outputs"),
        ("binned_crps", (4, 1), (4, 3), {}, "need training labels"),
        ("binned_crps", (4, 1), (4, 3), {"edges": [0, 2, 1, 3]}, "ascending"),
        ("categorical_crossentropy", (4, 2), (4, 3), {}, "labels with 2 columns for 3 classes"),
    ],
)
def test_what_does_not_fit_is_refused(name, y, p, given, message):
    with pytest.raises(ValueError, match=message):
        losses.function(name)(np.ones(y, np.float32), np.ones(p, np.float32), **given)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no loss 'msee'"):
        losses.get("msee")
    with pytest.raises(ValueError, match="'huber' has no parameter 'dleta'; allowed: delta"):
        losses.get("huber", dleta=1.0)


def test_what_is_not_finite_stays_so():
    """Saturation must not hide that a network has diverged."""
    for bad in (np.inf, np.nan):
        assert not np.isfinite(losses.function("mse")(np.zeros((1, 1)), np.full((1, 1), bad))).all()
