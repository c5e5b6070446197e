"""Judges predictions of one part by what they hold: points, distributions or classes.

What is judged are all seeds of one (dataset, model, loss), on the same objects in the same order. Pooled values take
the seeds together; their intervals are over objects, which come with all their seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from skybake.evaluation import calibration
from skybake.evaluation.bootstrap import Bootstrap, Interval
from skybake.evaluation.conformal import Calibration
from skybake.evaluation.intervals import intervals
from skybake.metrics import FRACTION, Metric, declared, in_bins, measuring
from skybake.metrics.classification import confusion, in_confidence, reliability
from skybake.metrics.per_class import per_class
from skybake.metrics.regression import Statistic
from skybake.metrics.regression import errors as errors_of
from skybake.missing import present
from skybake.results.predictions import Predicted

Judged = dict[str, Any]
Parts = Mapping[int, Predicted]


def errors(parts: Parts) -> np.ndarray:
    """Return the errors (S, n) of the objects that have a label; a row per seed, NaN where not finite."""
    first = next(iter(parts.values()))
    return errors_of(first.label, np.stack([part.prediction.point for part in parts.values()]), first.column.error)


def regression(parts: Parts, bootstrap: Bootstrap, threshold: float) -> Judged:
    """Judge predictions of a number.

    Points are judged always, distributions where they are predicted. The CRPS of a point would be its absolute error:
    that stands under ``mae`` and not under ``crps``, so that no comparison mixes the two. CRPS, NLL, CDE loss and
    sharpness are in units of the label, also where errors are relative. Where the loss was given known errors of
    labels, distributions are judged with these errors added, since labels are scattered by both.

    Args:
        parts: Seed -> predictions; at least one object has a label.
        bootstrap: How intervals are made.
        threshold: Size of error above which an object is an outlier.

    Returns:
        ``n`` (objects with a label), ``not_finite`` (errors that are no number), ``per_seed`` (seed -> metric ->
        value), ``pooled`` (metric -> ``value``, ``n`` and, for most, ``low`` and ``high``) and ``in_bins`` (scalar ->
        bins).
    """
    d = errors(parts)
    statistics = {
        name: one for name, one in measuring.of_errors(threshold).items() if declared()[name].interval is True
    }
    spans = intervals(d, statistics, bootstrap, _kinds(statistics)) | _point_intervals(parts, bootstrap)
    pooled = {name: _with_interval(item, spans.get(name)) for name, item in _of_points(parts, threshold).items()}
    per_seed = {
        str(seed): {name: item["value"] for name, item in _of_points({seed: part}, threshold).items()}
        for seed, part in parts.items()
    }
    scores = {seed: _scores(part) for seed, part in parts.items()}
    if all(scores.values()):
        pooled |= _distributions_pooled(scores, bootstrap)
        for seed, found in scores.items():
            per_seed[str(seed)] |= _distribution_metrics(found, tested=bootstrap.groups is None)
    _add_parts(parts, pooled, per_seed)
    return {
        "n": d.shape[1],
        "not_finite": int(np.isnan(d).sum()),
        "per_seed": per_seed,
        "pooled": pooled,
        "in_bins": _in_bins(next(iter(parts.values())), d, list(scores.values()), threshold),
    }


def _add_parts(parts: Parts, pooled: Judged, per_seed: Mapping[str, Judged]) -> None:
    """Add what is judged of the parts of uncertainties, of all seeds and of each; NaN where a seed alone has none."""
    label = next(iter(parts.values())).label
    found = measuring.parts(label, [part.prediction for part in parts.values()])
    pooled |= {name: asdict(item) for name, item in found.items()}
    for seed, part in parts.items():
        alone = measuring.parts(label, [part.prediction])
        per_seed[str(seed)] |= {name: alone[name].value if name in alone else float("nan") for name in found}


def _with_interval(item: Judged, span: Interval | None) -> Judged:
    return item | (asdict(span) if span else {})


def _of_points(parts: Parts, threshold: float) -> dict[str, Judged]:
    first = next(iter(parts.values()))
    point = np.stack([part.prediction.point for part in parts.values()])
    found = measuring.points(first.label, point, threshold, first.column.error)
    return {name: asdict(item) for name, item in found.items()}


def _point_intervals(parts: Parts, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return intervals of metrics of labels and points, of those whose files tell how."""
    label = next(iter(parts.values())).label
    point = np.stack([part.prediction.point for part in parts.values()])
    known = present(label)
    statistics = _of_draws(measuring.given("points"), label[known], point[:, known])
    return intervals(np.arange(int(known.sum())), statistics, bootstrap, _kinds(statistics)) if statistics else {}


def _kinds(names: Iterable[str]) -> dict[str, str]:
    return {name: declared()[name].kind for name in names}


def _of_draws(metrics: Sequence[Metric], label: np.ndarray, predicted: np.ndarray) -> dict[str, Callable]:
    """Return what gives metrics of draws, of those whose files have it, for labels (n,) and predictions (S, n, ...)."""
    functions = {item.name: item.function(item.interval) for item in metrics if isinstance(item.interval, str)}
    return {name: function(label, predicted) for name, function in functions.items()}


def _scores(part: Predicted) -> dict[str, np.ndarray]:
    """Return the scores (n,) of a seed's distributions; empty without distributions."""
    return measuring.scores(part.label, part.observed)


def _distribution_metrics(scores: Mapping[str, np.ndarray], *, tested: bool) -> dict[str, float]:
    """Return the metrics of a seed's distributions; with p values, if objects are independent of one another."""
    statistics = measuring.of_scores(scores)
    found = {name: float(statistic(scores[score])) for name, (score, statistic) in statistics.items()}
    tests = _tests(found) if tested else {}
    return found | {f"{name}_p_value": float(test.sf(found[name], len(scores["pit"]))) for name, test in tests.items()}


def _tests(names: Collection[str]) -> dict[str, Any]:
    """Return the distribution of scipy that a metric has where predictions are calibrated, by the metric's name."""
    return {name: getattr(stats, declared()[name].calibrated) for name in names if declared()[name].calibrated}


def _distributions_pooled(scores: Mapping[int, Mapping[str, np.ndarray]], bootstrap: Bootstrap) -> dict[str, Judged]:
    first = next(iter(scores.values()))
    together = {name: np.concatenate([found[name] for found in scores.values()]) for name in first}
    statistics, n = measuring.of_scores(first), len(first["pit"])
    values = {name: float(statistic(together[score])) for name, (score, statistic) in statistics.items()}
    means = {}
    for name, (score, statistic) in statistics.items():
        if declared()[name].interval:
            each = np.stack([found[score] for found in scores.values()])
            means[name] = statistic(each[..., None]).mean(axis=0)  # of an object alone, the mean is its own score
    of_draws: dict[str, Callable] = {name: partial(_mean_of, values) for name, values in means.items()}
    spans = intervals(np.arange(n), of_draws, bootstrap, _kinds(of_draws))
    pooled = {
        name: _with_interval({"value": value, "n": n * len(scores)}, spans.get(name)) for name, value in values.items()
    }
    pits = np.stack([found["pit"] for found in scores.values()])
    for name, test in _tests(values).items():
        pooled[name] |= asdict(calibration.judge(pits, values[name], bootstrap, test))
    return pooled


def _mean_of(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean of values (n,) over drawn objects (..., m)."""
    return values[rows].mean(axis=-1)


def _in_bins(
    part: Predicted, d: np.ndarray, scores: Sequence[Mapping[str, np.ndarray]], threshold: float
) -> dict[str, list[Judged]]:
    """Judge objects in bins of the label and of every scalar that differs among them.

    Args:
        part: The objects.
        d: (S, n) errors.
        scores: Of each seed, what is measured of its distributions; empty where it predicts none.
        threshold: Size of error above which an object is an outlier.
    """
    known = present(part.label)
    told = [item.name for item in declared().values() if item.in_bins]
    of_errors = measuring.of_errors(threshold)
    statistics: dict[str, dict[str, Statistic]] = {"d": {name: of_errors[name] for name in told if name in of_errors}}
    values = {"d": d}
    if all(scores):
        of_distributions = measuring.of_scores(scores[0])
        for name in (name for name in told if name in of_distributions):
            score, statistic = of_distributions[name]
            values[score] = np.stack([of_seed[score] for of_seed in scores])
            statistics.setdefault(score, {})[name] = statistic
    found = {}
    for name, scalar in {**part.scalars, part.name: part.label}.items():
        scalar = np.asarray(scalar, dtype=np.float64)[known]
        is_known = present(scalar)
        if not is_known.any() or np.ptp(scalar[is_known]) == 0:
            continue
        edges = in_bins.even_edges(scalar)
        measured = [in_bins.measure(values[score], scalar, edges, each) for score, each in statistics.items()]
        found[name] = [_bin(items) for items in zip(*measured, strict=True)]
    return found


def _bin(items: Sequence[in_bins.Bin]) -> Judged:
    """Join what was measured of one bin, of the errors and of the distributions."""
    first = items[0]
    facts = {"low": first.low, "high": first.high, "middle": first.middle, "n": first.n}
    return facts | {name: value for item in items for name, value in item.values.items()}


def classification(parts: Parts, bootstrap: Bootstrap) -> Judged:
    """Judge probabilities of classes.

    Args:
        parts: Seed -> predictions with ``classes``; at least one object has a label.
        bootstrap: How intervals are made.

    Returns:
        ``n``, ``not_finite`` (objects of all seeds whose probabilities are no numbers), ``per_seed`` and ``pooled`` as
        of :func:`regression`, ``confusion``: ``pooled`` and ``per_seed``, rows by true class, and ``reliability``: bins
        of confidence, seeds pooled, each with ``effective_n``, the number of independent objects whose accuracy
        scatters alike (:func:`skybake.evaluation.calibration.effective_number`), and ``per_class``
        (:mod:`skybake.metrics.per_class`). The last three are null where probabilities are no numbers.
    """
    first = next(iter(parts.values()))
    together = np.stack([part.prediction.class_probabilities for part in parts.values()])
    known = present(first.label)
    bad = ~np.isfinite(together[:, known]).all(axis=-1)
    label = first.label[known]
    spans = {} if bad.any() else _class_intervals(label, together[:, known], bootstrap)
    per_seed = {
        str(seed): {name: item["value"] for name, item in _of_classes(label, probabilities[known]).items()}
        for seed, probabilities in zip(parts, together, strict=True)
    }
    pooled = {
        name: _with_interval(item, spans.get(name)) for name, item in _of_classes(label, together[:, known]).items()
    }
    _add_parts(parts, pooled, per_seed)
    return {
        "n": int(known.sum()),
        "not_finite": int(bad.sum()),
        "per_seed": per_seed,
        "pooled": pooled,
        "per_class": None if bad.any() else [asdict(item) for item in per_class(label, together[:, known])],
        "reliability": None if bad.any() else _reliability(label, together[:, known], bootstrap),
        "confusion": {
            "pooled": _confusion(label, together[:, known]),
            "per_seed": {
                str(seed): _confusion(label, probabilities[None, known])
                for seed, probabilities in zip(parts, together, strict=True)
            },
        },
    }


def _of_classes(label: np.ndarray, probabilities: np.ndarray) -> dict[str, Judged]:
    if not np.isfinite(probabilities).all():
        names = [item.name for item in measuring.given("classes", "class_scores")]
        return {name: {"value": float("nan"), "n": probabilities[..., 0].size} for name in names}
    return {name: asdict(item) for name, item in measuring.classes(label, probabilities).items()}


def _confusion(label: np.ndarray, probabilities: np.ndarray) -> list[list[int]] | None:
    """Return the counts of labels (n,) by class, true and predicted, of seeds together; probabilities (S, n, K)."""
    if not np.isfinite(probabilities).all():
        return None
    seeds, _, count = probabilities.shape
    table = confusion(np.tile(label, seeds), probabilities.reshape(-1, count))
    return table.astype(int).tolist()


def _reliability(label: np.ndarray, probabilities: np.ndarray, bootstrap: Bootstrap) -> list[Judged]:
    """Return bins of the confidence in labels (n,), of seeds together; probabilities (S, n, K)."""
    seeds, _, count = probabilities.shape
    given = np.tile(label, seeds), probabilities.reshape(-1, count)
    confidence, right, place = (values.reshape(seeds, -1) for values in in_confidence(*given))
    found = []
    for number, item in enumerate(reliability(*given)):
        effective = calibration.effective_number(right - confidence, place == number, bootstrap) if item.n else None
        found.append({"low": item.low, "high": item.high, "n": item.n, "effective_n": effective, **item.values})
    return found


def _class_intervals(label: np.ndarray, probabilities: np.ndarray, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return intervals over objects with labels (n,) and probabilities (S, n, K).

    Metrics of all classes may not be defined without one: their draws hold as many objects of each as there are.
    """
    scores = measuring.class_scores(label, probabilities)
    means = {name: each.mean(axis=0) for name, each in scores.items() if declared()[name].interval}
    of_objects: dict[str, Callable] = {name: partial(_mean_of, values) for name, values in means.items()}
    numbers = label.astype(np.int64)
    of_classes = _of_draws(measuring.given("classes"), numbers, probabilities)
    # A mean of fractions of classes scatters as one fraction of so many objects where no class is harder than others.
    sizes = np.unique(numbers, return_counts=True)[1]
    most = {name: len(sizes) ** 2 / np.sum(1 / sizes) for name in of_classes if declared()[name].kind == FRACTION}
    objects = np.arange(len(label))
    return {
        **intervals(objects, of_objects, bootstrap, _kinds(of_objects)),
        **intervals(objects, of_classes, replace(bootstrap, strata=numbers), _kinds(of_classes), most),
    }


def conformal(
    parts: Parts, calibrations: Mapping[int, Calibration], bootstrap: Bootstrap
) -> tuple[dict[str, Judged], dict[str, dict[str, float]]]:
    """Judge conformal intervals or sets.

    Args:
        parts: Seed -> predictions of the test part, all finite.
        calibrations: Seed -> what its validation part tells.
        bootstrap: How intervals of the coverage are made.

    Returns:
        Metric -> ``value``, ``n`` and, for most, ``low`` and ``high``; and seed -> metric -> value.
    """
    first = next(iter(parts.values()))
    known = present(first.label)
    label, classes = first.label[known], first.prediction.classes is not None
    told = measuring.given("sets" if classes else "intervals")
    scores: dict[str, list[np.ndarray]] = {item.name: [] for item in told}
    for seed, part in parts.items():
        made = calibrations[seed].sets if classes else calibrations[seed].intervals
        regions = made(part.prediction.select(known))
        for item in told:
            scores[item.name].append(item.function()(label, regions))
    means = {name: np.mean(each, axis=0) for name, each in scores.items() if declared()[name].interval}
    of_draws: dict[str, Callable] = {name: partial(_mean_of, values) for name, values in means.items()}
    spans = intervals(np.arange(len(label)), of_draws, bootstrap, _kinds(of_draws))
    pooled = {
        name: _with_interval({"value": float(np.mean(each)), "n": np.size(each)}, spans.get(name))
        for name, each in scores.items()
    }
    per_seed = {
        str(seed): {name: float(each[place].mean()) for name, each in scores.items()}
        for place, seed in enumerate(parts)
    }
    return pooled, per_seed
