"""Measures predictions by all declared metrics, by what each is given; objects without a label are left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from inspect import signature

import numpy as np

from skybake import metrics
from skybake.metrics import Measured, Metric, regression
from skybake.metrics.classification import known
from skybake.metrics.probabilistic import mean
from skybake.metrics.regression import DIFFERENCE, Statistic
from skybake.missing import MAGIC, present
from skybake.results import distributions as forms
from skybake.results.predictions import Prediction

PIT, STD = "pit", "std"  # scores that are reduced by the metrics that are given them


def given(*kinds: str) -> list[Metric]:
    """Return the metrics that are given one of these."""
    return [item for item in metrics.declared().values() if item.of in kinds]


def of_errors(threshold: float) -> dict[str, Statistic]:
    """Return the statistics of errors (..., n) by name.

    Args:
        threshold: Size of error above which an object is an outlier.
    """
    found = {}
    for item in given("errors"):
        function = item.function()
        asks = "threshold" in signature(function).parameters
        found[item.name] = partial(function, threshold=threshold) if asks else function
    return found


def points(label: np.ndarray, point: np.ndarray, threshold: float, formula: str = DIFFERENCE) -> dict[str, Measured]:
    """Return every metric of point estimates.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        point: (..., N) predictions; further axes (seeds) are pooled.
        threshold: Size of error above which an object is an outlier.
        formula: Of the error, one of :data:`skybake.metrics.regression.FORMULAS`.

    Raises:
        ValueError: No object has a label.
    """
    d = regression.errors(label, point, formula).ravel()
    if not d.size:
        raise ValueError(f"none of {np.size(label)} objects has a label: all are NaN or {MAGIC:g}")
    statistics = of_errors(threshold)
    found = {item.name: float(statistics[item.name](d)) for item in given("errors") if item.overall}
    label = np.asarray(label, dtype=np.float64)
    is_known = present(label)
    seeds = np.asarray(point, dtype=np.float64)[..., is_known].reshape(-1, int(is_known.sum()))
    found |= {item.name: float(item.function()(label[is_known], seeds)) for item in given("points")}
    return {name: Measured(value, d.size) for name, value in found.items()}


def scores(label: np.ndarray, prediction: Prediction) -> dict[str, np.ndarray]:
    """Return what is measured of each object that has a label, (n,) each; empty if nothing but a point is predicted.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        prediction: Of the same objects.

    Returns:
        ``pit`` F(y); ``std`` where it is predicted; and the scores whose means are metrics, by the metrics' names.

    Raises:
        ValueError: The numbers of objects differ.
    """
    label = np.asarray(label, dtype=np.float64)
    if label.shape != (len(prediction),):
        raise ValueError(f"labels of shape {label.shape} found; expected ({len(prediction)},), as predictions")
    is_known = present(label)
    distribution = forms.of(prediction.select(is_known))
    if distribution is None or not is_known.any():
        return {}
    found = {PIT: distribution.cdf(label[is_known])}
    found |= {item.name: item.function()(label[is_known], distribution) for item in given("distributions")}
    if prediction.std is not None:
        found[STD] = prediction.std[is_known]
    return found


def parts(label: np.ndarray, predictions: Sequence[Prediction]) -> dict[str, Measured]:
    """Return every metric of the parts of an uncertainty that is a number; empty where it is not divided.

    Args:
        label: (N,) true values or class numbers, -9999 or NaN where missing.
        predictions: Of the same objects; those of several seeds are pooled.
    """
    kept = [one.select(present(label)) for one in predictions]
    if not kept or any(one.epistemic is None for one in kept):
        return {}
    true, classes = np.asarray(label, dtype=np.float64)[present(label)], kept[0].classes is not None
    off = [np.abs(one.point - true) for one in kept]
    error = np.concatenate([each != 0 if classes else each for each in off]).astype(np.float64)
    unknown = np.full(len(true), np.nan)
    both = [
        np.concatenate([unknown if getattr(one, name) is None else getattr(one, name) for one in kept])
        for name in ("epistemic", "aleatoric")
    ]
    values = {item.name: item.function()(error, *both) for item in given("parts_of_classes" if classes else "parts")}
    return {name: Measured(value, len(error)) for name, value in values.items() if np.isfinite(value)}


def of_scores(names: Collection[str]) -> dict[str, tuple[str, Statistic]]:
    """Return the metrics of distributions by name: the score each is made of, and how it is reduced.

    Args:
        names: Of the scores that are there.
    """
    means = {item.name: (item.name, mean) for item in given("distributions")}
    return {**{item.name: (item.of, item.function()) for item in given(PIT, STD) if item.of in names}, **means}


def distributions(
    label: np.ndarray, predictions: Prediction | Sequence[Prediction], weights: np.ndarray | None = None
) -> dict[str, Measured]:
    """Return every metric of distributions.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        predictions: Of the same objects; those of several seeds are pooled.
        weights: (N,) of the objects, not negative.

    Returns:
        Name -> value and number of labels used; empty if nothing but a point is predicted.

    Raises:
        ValueError: The numbers of objects differ.
    """
    many = [predictions] if isinstance(predictions, Prediction) else list(predictions)
    each = [scores(label, prediction) for prediction in many]
    if not each or not all(each):
        return {}
    pooled = {name: np.concatenate([found[name] for found in each]) for name in each[0]}
    more = () if weights is None else (np.tile(np.asarray(weights, dtype=np.float64)[present(label)], len(many)),)
    return {
        name: Measured(float(statistic(pooled[score], *more)), len(pooled[score]))
        for name, (score, statistic) in of_scores(pooled).items()
    }


def classes(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> dict[str, Measured]:
    """Return every metric of classes.

    Args:
        label: (N,) class numbers, -9999 or NaN where missing.
        classes: (N, K) probabilities, or (S, N, K) of several seeds, which are pooled.
        weights: (N,), not negative.

    Raises:
        ValueError: Shapes do not agree, a label is no class number, or no object has a label.
    """
    classes = np.asarray(classes, dtype=np.float64)
    if classes.ndim == 3:
        label = np.tile(label, len(classes))
        weights = None if weights is None else np.tile(weights, len(classes))
        classes = classes.reshape(-1, classes.shape[-1])
    numbers, kept, weights_kept = known(label, classes, weights)
    if not len(numbers):
        raise ValueError(f"none of {len(label)} objects has a label: all are NaN or -9999")
    more = () if weights is None else (weights_kept,)
    found = {item.name: item.function()(numbers, kept, *more) for item in given("classes")}
    found |= {
        item.name: np.average(item.function()(numbers, kept), weights=weights_kept) for item in given("class_scores")
    }
    return {item.name: Measured(float(found[item.name]), len(numbers)) for item in given("classes", "class_scores")}


def class_scores(label: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores (S, n) of each object that has a label, whose means are metrics, by the metrics' names.

    Args:
        label: (N,) class numbers, -9999 or NaN where missing.
        classes: (S, N, K) probabilities of S seeds.
    """
    each = [known(label, found)[:2] for found in classes]
    return {
        item.name: np.stack([item.function()(numbers, kept) for numbers, kept in each])
        for item in given("class_scores")
    }
