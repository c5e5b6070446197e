"""The losses of two outputs and the metrics that notebooks import by astroNN's names, on both frameworks."""

import os
import subprocess
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pytest

from skybake import losses
from tests.conftest import ROOT
from tests.unit.losses._paired_cases import CASES, CLASSES, MAGIC, YES_OR_NO, trained


@pytest.fixture(scope="module")
def of_tensorflow():
    return {f"{name} {key}": value for name, case in CASES.items() for key, value in trained(case).items()}


@pytest.fixture(scope="module")
def of_jax(tmp_path_factory):
    out = tmp_path_factory.mktemp("jax") / "paired.npz"
    subprocess.run(
        [sys.executable, "-m", "tests.unit.losses._paired_cases", str(out)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    with np.load(out) as found:
        return dict(found)


@pytest.mark.parametrize("framework", ["of_tensorflow", "of_jax"])
@pytest.mark.parametrize("name", list(CASES))
def test_two_outputs_are_trained_as_one_output_of_both(name, framework, request):
    """Twice its loss; and at half the rate of plain gradient descent the same weights, to the last step."""
    found = request.getfixturevalue(framework)
    assert found[f"{name} loss"] == pytest.approx(2 * found[f"{name} loss_alone"], rel=1e-5)
    assert np.allclose(found[f"{name} weights"], found[f"{name} weights_alone"], rtol=1e-4, atol=1e-6)
    assert np.abs(found[f"{name} weights"] - found[f"{name} begun"]).max() > 1e-3


@pytest.mark.parametrize("framework", ["of_tensorflow", "of_jax"])
def test_accuracies_leave_out_what_is_not_known(framework, request):
    found = request.getfixturevalue(framework)
    known = CLASSES[:, 0] != MAGIC
    right = found["classes logits"].argmax(axis=1) == CLASSES[:, 0]
    assert found["classes accuracies"] == pytest.approx([right[known].mean()])
    known = YES_OR_NO != MAGIC
    right = ((found["yes or no logits"] > 0) == (YES_OR_NO > 0.5)) & known
    some = known.any(axis=1)
    assert found["yes or no accuracies"] == pytest.approx([np.mean(right.sum(axis=1)[some] / known.sum(axis=1)[some])])


def test_probabilities_instead_of_logits():
    y = np.float32([[1, 0, MAGIC], [0, np.nan, 1]])
    p = np.float32([[0.6, 0.7, 0.9], [0.4, 0.9, 0.2]])
    assert losses.binary_accuracy()(y, p).numpy().tolist() == [0.5, 0.5]
    assert losses.binary_accuracy(from_logits=True)(y, p).numpy().tolist() == [0.5, 0.5]
    members = np.float32([[0, 1], [1, 0], [MAGIC, MAGIC]])
    assert losses.categorical_accuracy(members, np.float32([[0.1, 0.9], [0.2, 0.8], [1, 0]])).numpy().tolist() == [
        1,
        0,
        0.5,
    ]


def test_known_errors_may_be_a_number():
    y, p, s = np.float32([[1.0], [2.0]]), np.float32([[1.5], [2.5]]), np.float32([[0.0], [1.0]])
    found = losses.mse_lin_wrapper(s, 0.0)(y, p)
    assert float(found) == pytest.approx(np.mean(losses.function("robust_mse")(y, np.hstack([p, s]))))


def test_a_plain_model_is_told_what_to_take_instead():
    image = keras.Input((3,))
    output, variance_output = keras.layers.Dense(1, name="output")(image), keras.layers.Dense(1, name="s")(image)
    model = keras.Model(image, [output, variance_output])
    model.compile(loss=[losses.mse_lin_wrapper(variance_output, 0.0), losses.mse_var_wrapper(output, 0.0)])
    with pytest.raises(ValueError, match="mse_lin_wrapper: the tensor"):
        model.evaluate(np.ones((2, 3)), [np.ones((2, 1))] * 2, verbose=0)


def test_what_is_not_there_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'mse_wrapper'"):
        losses.mse_wrapper  # noqa: B018
