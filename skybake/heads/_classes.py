"""What heads of classes share: names, frequencies, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skybake.heads._numbers import floats
from skybake.results.predictions import Prediction

ClassWeights = Sequence[float] | Mapping[str, float] | str | None


def class_counts(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    numbers = labels.astype(np.int64)
    if (numbers != labels).any() or (numbers < 0).any():
        bad = labels[(numbers != labels) | (numbers < 0)][0]
        raise ValueError(f"class {bad:g} found among the training labels; expected 0, 1, 2, ...")
    counts = np.bincount(numbers, minlength=max(len(classes), 2))
    if classes and len(counts) > len(classes):
        raise ValueError(
            f"class {len(counts) - 1} found among the training labels; expected 0 to {len(classes) - 1}"
            f" ({', '.join(classes)})"
        )
    return counts


def weights_by_class(given: ClassWeights, counts: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return the loss's class weights; ``balanced`` gives N / (K n_k), so that their mean over objects is 1."""
    if given is None:
        return {}
    names = [str(name) for name in classes or range(len(counts))]
    if given == "balanced":
        if not counts.all():
            raise ValueError(
                f"class_weights: 'balanced' found, but no training object is of class {names[counts.argmin()]}"
            )
        return {"class_weights": list(floats(counts.sum() / (len(counts) * counts)))}
    weights: Sequence[Any] = _by_class(given, names) if isinstance(given, Mapping) else list(given)
    if len(weights) != len(names):
        raise ValueError(f"class_weights: {given!r} found; expected {len(names)} numbers, for {', '.join(names)}")
    return {"class_weights": list(floats(weights))}


def _by_class(given: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """Return the weight of each class, given by name or number; 1 for one that is not given."""
    places = {str(number): number for number in range(len(names))}
    places |= {name: number for number, name in enumerate(names)}  # a name that looks like a number is a name
    weights = [1.0] * len(names)
    for key, weight in given.items():
        if str(key) not in places:
            raise ValueError(f"class_weights: no class {key!r}; expected {', '.join(names)}, or a number from 0")
        weights[places[str(key)]] = weight
    return weights


def log_frequencies(counts: np.ndarray) -> np.ndarray:
    return np.log((counts + 1) / (counts.sum() + len(counts)))


def classified(classes: np.ndarray) -> Prediction:
    return Prediction(point=classes.argmax(axis=1).astype(np.float64), classes=classes)


def symbolic_classified(classes: Any) -> dict[str, Any]:
    """Return what :func:`classified` does, in ``keras.ops``."""
    from keras import ops

    return {"point": ops.cast(ops.argmax(classes, axis=1), "float32"), "classes": classes}


def two_classes(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    counts = class_counts(labels, classes)
    if len(counts) > 2:
        raise ValueError(
            f"{len(counts)} classes found; a binary loss expects two. Hint: categorical_crossentropy takes any number"
        )
    return counts
