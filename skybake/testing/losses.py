"""A loss in use: one value an object, nothing for a missing label, finite values and gradients."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skybake import losses
from skybake.missing import MAGIC
from skybake.plugins import PlugIn
from skybake.testing import _labels

ROWS = 12
UNKNOWN = {1: MAGIC, 2: np.nan, 3: np.inf}  # row -> label
EXTREMES = (0.0, 1e-30, -1e-30, 1e3, -1e3, 1e10, -1e10, 1e30, -1e30, 3.4e38, -3.4e38)
HINT = "Hint: start from errors(y_true, y_pred) or labels(y_true), and end with mean_over_labels, of losses/_rows.py"


def use(part: PlugIn) -> Iterator[str]:
    """Evaluate the loss and its gradient for the outputs of its head."""
    labels, head, given = _labels.fitted(part)
    y = labels[:ROWS, None].astype(np.float32)
    for row, mark in UNKNOWN.items():
        y[row] = mark
    rng = np.random.default_rng(0)
    p = _labels.outputs(head, rng.normal(size=(ROWS, head.width)))
    values, slopes = evaluate(part, y, p, given)
    if values.shape != (ROWS,):
        yield f"values {values.shape} of {ROWS} objects found; expected ({ROWS},), one an object. {HINT}"
        return
    for row, mark in UNKNOWN.items():
        of_others = part.constants.get("batch")  # its outputs enter what the others cost
        if values[row] != 0 or ((slopes[row] != 0).any() and not of_others):
            yield (
                f"an object whose label is {mark:g} costs {values[row]:g} and has gradients {slopes[row].tolist()};"
                f" expected 0, since its label is missing. {HINT}"
            )
    if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
        yield f"values {values.tolist()} or gradients of ordinary labels and outputs are not finite. {HINT}"
        return
    yield from _depends_on_others(part, y, p, given, values)
    yield from _at_extremes(part, labels, head, given)


def evaluate(part: PlugIn, y: np.ndarray, p: np.ndarray, given: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each object, and the gradient of their sum by the outputs (n, W)."""
    import keras

    from skybake.training import backend

    function = losses.function(part.name)
    outputs = keras.Input((p.shape[1],), name="outputs")
    network = keras.Model(outputs, keras.layers.Identity()(outputs))
    values = keras.ops.convert_to_numpy(function(y, p, **given))
    if values.shape != (len(y),):
        return values, np.zeros_like(p)
    with warnings.catch_warnings():  # Keras would have the outputs in a dictionary, or not in one
        warnings.simplefilter("ignore", UserWarning)
        _, slopes = backend.gradient(network, {"outputs": p}, lambda tensors: function(y, tensors, **given))
    return values, slopes["outputs"]


def _depends_on_others(
    part: PlugIn, y: np.ndarray, p: np.ndarray, given: Mapping[str, Any], before: np.ndarray
) -> Iterator[str]:
    if part.constants.get("batch"):
        return
    other = p.copy()
    other[5] = p[5][::-1] * 0.5
    after, _ = evaluate(part, y, other, given)
    others = np.arange(len(y)) != 5
    if not np.array_equal(before[others], after[others]):
        yield "the value of an object depends on the others in the batch; expected batch=True in @loss, if it is meant"


def _at_extremes(part: PlugIn, labels: np.ndarray, head, given: Mapping[str, Any]) -> Iterator[str]:
    rng = np.random.default_rng(1)
    alike = np.repeat(np.array(EXTREMES)[:, None], head.width, axis=1)
    mixed = rng.choice(EXTREMES, (30, head.width))
    p = _labels.outputs(head, np.concatenate([alike, mixed]))
    y = rng.choice(labels, (len(p), 1)).astype(np.float32)
    for what, found in zip(("value", "gradient"), evaluate(part, y, p, given), strict=True):
        bad = np.flatnonzero(~np.isfinite(found.reshape(len(p), -1)).all(axis=1))
        if len(bad):
            yield (
                f"the {what} is {found[bad[0]].tolist()} for the finite outputs {p[bad[0]].tolist()}; expected finite"
                " numbers. Hint: squared and limited of losses/_numbers.py saturate what float32 cannot hold"
            )
