"""A head in use: it fits labels, predicts, and comes back from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from skybake import heads, plugins
from skybake.heads._head import Explained, OfClasses
from skybake.plugins import PlugIn
from skybake.results.predictions import Prediction
from skybake.testing import _labels

OBJECTS = 5


def use(part: PlugIn) -> Iterator[str]:
    """Fit the head by every loss that names it, or by itself, and predict."""
    classes = heads.classes_of(part.load())
    if len(classes) != 1:
        found = ", ".join(item.__name__ for item in classes) or "none"
        yield f"{found} found; expected one class with fit(labels) and prediction(outputs)"
        return
    (kind,) = classes
    name = kind.__name__
    if not (is_dataclass(kind) and kind.__dataclass_params__.frozen):
        yield f"class {name} is no frozen dataclass; expected @dataclass(frozen=True), as it is saved with a run"
        return
    yield from _predicts(kind(), f"{name}()")
    users = [loss for loss in plugins.losses().values() if loss.constants.get("head") == part.name and not loss.faults]
    if not users:
        yield from _predicts(kind.fit(_labels.NUMBERS), f"{name}.fit(labels)")
    for loss in users:
        labels, head, _ = _labels.fitted(loss)
        yield from _predicts(head, f"fitted for {loss.name}")
        yield from _comes_back(head, labels)


def _predicts(head: heads.Head, what: str) -> Iterator[str]:
    if head.width != len(head.bias) or not np.isfinite(head.bias).all():
        yield f"{what}: width {head.width} and bias {head.bias} found; expected one finite initial bias an output"
        return
    found = head.prediction(_outputs(head))
    if not isinstance(found, Prediction):
        yield f"{what}: prediction returned {type(found).__name__}; expected a Prediction"
    elif found.point.shape != (OBJECTS,) or not np.isfinite(found.point).all():
        yield f"{what}: point {found.point.tolist()} found; expected {OBJECTS} finite numbers, one an object"
    elif found.classes is not None and not isinstance(head, OfClasses):
        yield f"{what}: classes without explains, explained or most_probable; expected them, as heads/_head.py says"
    elif found.classes is not None and not np.allclose(found.classes.sum(axis=1), 1, atol=1e-5):
        yield f"{what}: probabilities add up to {found.classes.sum(axis=1).tolist()}; expected 1"
    else:
        yield from _on_tensors(head, found, what)


def _on_tensors(head: heads.Head, found: Prediction, what: str) -> Iterator[str]:
    """Compare what attributions and the recorded accuracy take from a network with the prediction."""
    from keras import ops

    tensors = ops.convert_to_tensor(_outputs(head).astype(np.float32))
    yield from _symbolic(head, tensors, found, what)
    if found.classes is None:
        number = head.explained(tensors, 0) if isinstance(head, Explained) else tensors[:, 0]
        if not np.allclose(ops.convert_to_numpy(number), found.point, rtol=1e-4, atol=1e-5):
            yield f"{what}: what attributions explain is not the point; expected explained(outputs, kind) to return it"
    elif isinstance(head, OfClasses):
        kinds = ops.convert_to_numpy(head.most_probable(tensors))
        if not np.array_equal(kinds.astype(float), found.point):
            yield f"{what}: most_probable {kinds.tolist()} found; expected {found.point.tolist()}, as predicted"


def _symbolic(head: heads.Head, tensors: Any, found: Prediction, what: str) -> Iterator[str]:
    """Compare what becomes part of ``predictor.keras`` with the prediction."""
    from keras import ops

    if not hasattr(head, "symbolic"):
        yield f"{what}: no symbolic; expected symbolic(outputs), what prediction does in keras.ops, for predictor.keras"
        return
    given = {name: ops.convert_to_numpy(values) for name, values in head.symbolic(tensors).items()}
    if set(given) != set(found.given()):
        yield f"{what}: symbolic gives {', '.join(given)}; expected {', '.join(found.given())}, as prediction does"
    for name in set(given) & set(found.given()):
        if not np.allclose(given[name], found.given()[name], rtol=1e-4, atol=1e-5):
            yield f"{what}: {name} of symbolic is {given[name].tolist()}; expected {found.given()[name].tolist()}"


def _outputs(head: heads.Head) -> np.ndarray:
    return _labels.outputs(head, np.random.default_rng(3).normal(size=(OBJECTS, head.width)))


def _comes_back(head: heads.Head, labels: np.ndarray) -> Iterator[str]:
    try:
        written = json.dumps(heads.as_dict(head))
    except TypeError as error:
        yield f"as plain values: {error}; expected numbers, texts, and tuples or mappings of them"
        return
    again = heads.of_dict(json.loads(written))
    outputs = _outputs(head)
    before, after = head.prediction(outputs).given(), again.prediction(outputs).given()
    same = (again.width, again.bias, again.activation) == (head.width, head.bias, head.activation)
    if not same or any(not np.array_equal(after[name], values) for name, values in before.items()):
        yield f"another head comes back from {written}; expected tuples of numbers among its values, not arrays"
