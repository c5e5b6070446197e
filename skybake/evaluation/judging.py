"""Judges predictions of one part by what they hold: points, distributions or classes.

What is judged are all seeds of one (dataset, model, loss), on the same objects in the same order. Pooled values take
the seeds together; their intervals are over objects, which come with all their seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from skybake.evaluation import calibration
from skybake.evaluation.bootstrap import Bootstrap, Interval
from skybake.evaluation.intervals import intervals
from skybake.metrics import classification as classes
from skybake.metrics import in_bins, probabilistic
from skybake.metrics import regression as points
from skybake.metrics.regression import Statistic
from skybake.metrics.robust import rail_outlier_fraction
from skybake.missing import present
from skybake.results.predictions import Predicted

LEVELS = (0.5, 0.68, 0.9, 0.95)  # of central intervals whose coverage is told
# No intervals of these: a draw repeats objects, so its distance from an even or honest distribution is always larger.
DISTANCES = ("pit_ks", "ece")
IN_BINS: dict[str, Statistic] = {
    "mean_error": points.mean_error,
    "median_error": points.median_error,
    "std_error": points.std_error,
    "nmad": points.nmad,
    "error_16": partial(np.quantile, q=0.16),
    "error_84": partial(np.quantile, q=0.84),
}
DISTRIBUTIONS_IN_BINS = ("crps", "cde_loss", "pit_ks")

Judged = dict[str, Any]
Parts = Mapping[int, Predicted]


def errors(parts: Parts) -> np.ndarray:
    """Return the errors (S, n) of the objects that have a label; a row per seed, NaN where not finite."""
    first = next(iter(parts.values()))
    return points.errors(first.label, np.stack([part.prediction.point for part in parts.values()]), first.column.error)


def regression(parts: Parts, bootstrap: Bootstrap, threshold: float) -> Judged:
    """Judge predictions of a number.

    Points are judged always, distributions where they are predicted. The CRPS of a point would be its absolute error:
    that stands under ``mae`` and not under ``crps``, so that no comparison mixes the two. CRPS, NLL, CDE loss and
    sharpness are in units of the label, also where errors are relative.

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
    spans = intervals(d, points.statistics(threshold), bootstrap, points.KINDS)
    pooled = {name: _with_interval(item, spans.get(name)) for name, item in _of_points(parts, threshold).items()}
    per_seed = {
        str(seed): {name: item["value"] for name, item in _of_points({seed: part}, threshold).items()}
        for seed, part in parts.items()
    }
    scores = {seed: _scores(part) for seed, part in parts.items()}
    if all(scores.values()):
        pooled |= _distributions_pooled(scores, bootstrap)
        for seed, found in scores.items():
            per_seed[str(seed)] |= _distribution_metrics(found)
            if bootstrap.groups is None:
                per_seed[str(seed)]["pit_ks_p_value"] = calibration.p_value(per_seed[str(seed)]["pit_ks"], d.shape[1])
    return {
        "n": d.shape[1],
        "not_finite": int(np.isnan(d).sum()),
        "per_seed": per_seed,
        "pooled": pooled,
        "in_bins": _in_bins(next(iter(parts.values())), d, list(scores.values()), threshold),
    }


def _with_interval(item: Judged, span: Interval | None) -> Judged:
    return item | (asdict(span) if span else {})


def _of_points(parts: Parts, threshold: float) -> dict[str, Judged]:
    first, d = next(iter(parts.values())), errors(parts).ravel()
    point = np.stack([part.prediction.point for part in parts.values()])
    found = points.measure(first.label, point, threshold, first.column.error)
    return {
        **{name: asdict(item) for name, item in found.items()},
        "rail_outlier_fraction": {"value": float(rail_outlier_fraction(d)), "n": d.size},
    }


def _scores(part: Predicted) -> dict[str, np.ndarray]:
    """Return the scores (n,) of a seed's distributions and their standard deviations; empty without distributions."""
    found = probabilistic.scores(part.label, part.prediction)
    if found and part.prediction.std is not None:
        found["std"] = part.prediction.std[present(part.label)]
    return found


def _statistics(scores: Mapping[str, np.ndarray]) -> dict[str, tuple[str, Statistic]]:
    """Return the metrics of distributions by name: the score each is made of, and how it is reduced."""
    found = probabilistic.statistics(LEVELS)
    return {**found, "mean_std": ("std", probabilistic.mean)} if "std" in scores else found


def _distribution_metrics(scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: float(statistic(scores[score])) for name, (score, statistic) in _statistics(scores).items()}


def _distributions_pooled(scores: Mapping[int, Mapping[str, np.ndarray]], bootstrap: Bootstrap) -> dict[str, Judged]:
    first = next(iter(scores.values()))
    together = {name: np.concatenate([found[name] for found in scores.values()]) for name in first}
    values, n = _distribution_metrics(together), len(first["pit"])
    means = {}
    for name, (score, statistic) in _statistics(first).items():
        if name not in DISTANCES:
            each = np.stack([found[score] for found in scores.values()])
            means[name] = statistic(each[..., None]).mean(axis=0)  # of an object alone, the mean is its own score
    statistics: dict[str, Callable] = {name: partial(_mean_of, values) for name, values in means.items()}
    spans = intervals(np.arange(n), statistics, bootstrap, probabilistic.kinds(LEVELS))
    pooled = {
        name: _with_interval({"value": value, "n": n * len(scores)}, spans.get(name)) for name, value in values.items()
    }
    pits = np.stack([found["pit"] for found in scores.values()])
    pooled["pit_ks"] |= asdict(calibration.judge(pits, values["pit_ks"], bootstrap))
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
    statistics: dict[str, dict[str, Statistic]] = {
        "d": {
            **IN_BINS,
            "outlier_fraction": partial(points.outlier_fraction, threshold=threshold),
            "rail_outlier_fraction": rail_outlier_fraction,
        }
    }
    values = {"d": d}
    if all(scores):
        values |= {name: np.stack([of_seed[name] for of_seed in scores]) for name in ("pit", "crps", "cde")}
        of_distributions = probabilistic.statistics(LEVELS)
        for name in DISTRIBUTIONS_IN_BINS:
            score, statistic = of_distributions[name]
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
        of confidence, seeds pooled. The last two are null where probabilities are no numbers.
    """
    first = next(iter(parts.values()))
    together = np.stack([part.prediction.class_probabilities for part in parts.values()])
    known = present(first.label)
    bad = ~np.isfinite(together[:, known]).all(axis=-1)
    label = first.label[known]
    spans = {} if bad.any() else _class_intervals(label, together[:, known], bootstrap)
    return {
        "n": int(known.sum()),
        "not_finite": int(bad.sum()),
        "per_seed": {
            str(seed): {name: item["value"] for name, item in _of_classes(label, probabilities[known]).items()}
            for seed, probabilities in zip(parts, together, strict=True)
        },
        "pooled": {
            name: _with_interval(item, spans.get(name)) for name, item in _of_classes(label, together[:, known]).items()
        },
        "reliability": None if bad.any() else _reliability(label, together[:, known]),
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
        return {key: {"value": float("nan"), "n": probabilities[..., 0].size} for key in classes.METRICS}
    return {name: asdict(item) for name, item in classes.measure(label, probabilities).items()}


def _confusion(label: np.ndarray, probabilities: np.ndarray) -> list[list[int]] | None:
    """Return the counts of labels (n,) by class, true and predicted, of seeds together; probabilities (S, n, K)."""
    if not np.isfinite(probabilities).all():
        return None
    seeds, _, count = probabilities.shape
    table = classes.confusion(np.tile(label, seeds), probabilities.reshape(-1, count))
    return table.astype(int).tolist()


def _reliability(label: np.ndarray, probabilities: np.ndarray) -> list[Judged]:
    """Return bins of the confidence in labels (n,), of seeds together; probabilities (S, n, K)."""
    seeds, _, count = probabilities.shape
    found = classes.reliability(np.tile(label, seeds), probabilities.reshape(-1, count))
    return [{"low": item.low, "high": item.high, "n": item.n, **item.values} for item in found]


def class_scores(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Return scores (S, n) whose means are metrics, by the metrics' names.

    Args:
        label: (N,) class numbers, -9999 or NaN where missing.
        probabilities: (S, N, K) of S seeds.
    """
    each = [classes.scores(label, found) for found in probabilities]
    names = {"accuracy": "correct", "brier": "brier", "log_loss": "log_loss"}
    return {name: np.stack([found[score] for found in each]) for name, score in names.items()}


def _class_intervals(label: np.ndarray, probabilities: np.ndarray, bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return intervals over objects with labels (n,) and probabilities (S, n, K).

    Metrics that are not defined without a class are of draws that hold as many objects of each class as there are.
    """
    numbers, count = label.astype(np.int64), probabilities.shape[-1]
    means = {name: scores.mean(axis=0) for name, scores in class_scores(label, probabilities).items()}
    of_objects: dict[str, Callable] = {name: partial(_mean_of, values) for name, values in means.items()}
    kinds = [1] if count == 2 else range(count)
    rankings = [ranking(numbers == kind, probabilities[..., kind]) for kind in kinds]
    of_classes: dict[str, Callable] = {
        "balanced_accuracy": partial(_balanced, means["accuracy"], np.eye(count)[numbers]),
        "roc_auc": lambda rows: _mean_area(Ranking.roc_auc, rankings, rows),
        "pr_auc": lambda rows: _mean_area(Ranking.pr_auc, rankings, rows),
    }
    # A mean of fractions of classes scatters as one fraction of so many objects where no class is harder than others.
    sizes = np.unique(numbers, return_counts=True)[1]
    most = {"balanced_accuracy": len(sizes) ** 2 / np.sum(1 / sizes)}
    objects, in_classes = np.arange(len(label)), replace(bootstrap, strata=numbers)
    return {
        **intervals(objects, of_objects, bootstrap, classes.KINDS),
        **intervals(objects, of_classes, in_classes, classes.KINDS, most),
    }


def _balanced(correct: np.ndarray, member: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the balanced accuracy of drawn objects (D, n); a class that is not drawn does not count.

    Args:
        correct: (n,) fraction of the seeds that are right.
        member: (n, K) 1 for the class of an object.
        rows: (..., n) drawn objects.
    """
    weights = times_drawn(rows)
    drawn = weights @ member
    right = weights @ (correct[:, None] * member)
    return np.sum(right / np.maximum(drawn, 1), axis=-1) / np.sum(drawn > 0, axis=-1)


def times_drawn(rows: np.ndarray) -> np.ndarray:
    """Return how often each object is in a draw: (D, n) for rows (D, n)."""
    draws, n = rows.shape
    places = rows + n * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def _mean_area(area: Callable, rankings: list[Ranking], rows: np.ndarray) -> np.ndarray:
    weights = times_drawn(rows)
    return np.mean([area(item, weights) for item in rankings], axis=0)


@dataclass(frozen=True)
class Ranking:
    """Scores of objects that are of a class and of those that are not, sorted once for all draws of objects.

    Attributes:
        yes, no: (P,), (M,) object of each score, in ascending order of the score; an object has one of each seed.
        same: (P,) place of the first score of ``yes`` that is no smaller.
        below, up_to: (P,) how many scores of ``no`` are smaller; are smaller or the same.
    """

    yes: np.ndarray
    no: np.ndarray
    same: np.ndarray
    below: np.ndarray
    up_to: np.ndarray

    def roc_auc(self, weights: np.ndarray) -> np.ndarray:
        """Return the areas (D,) under the ROC curve for weights (D, n) of objects; NaN where a side has none."""
        yes, no = weights[:, self.yes], _cumulative(weights[:, self.no])
        won = (yes * 0.5 * (no[:, self.below] + no[:, self.up_to])).sum(axis=1)
        return _ratio(won, yes.sum(axis=1) * no[:, -1])

    def pr_auc(self, weights: np.ndarray) -> np.ndarray:
        """Return the average precisions (D,) for weights (D, n) of objects; NaN where a side has none."""
        yes = weights[:, self.yes]
        ours, others = _cumulative(yes), _cumulative(weights[:, self.no])
        ours, others = ours[:, -1:] - ours[:, self.same], others[:, -1:] - others[:, self.below]
        precision = ours / np.maximum(ours + others, 1)
        found = _ratio((yes * precision).sum(axis=1), yes.sum(axis=1))
        return np.where(weights[:, self.no].any(axis=1), found, np.nan)


def ranking(member: np.ndarray, scores: np.ndarray) -> Ranking:
    """Sort scores (S, n) of objects that are members (n,) of a class or not."""
    objects = np.tile(np.arange(len(member)), len(scores))
    scores, inside = scores.ravel(), np.tile(member, len(scores))
    yes, no = scores[inside], scores[~inside]
    up, down = np.argsort(yes, kind="stable"), np.argsort(no, kind="stable")
    yes, no = yes[up], no[down]
    return Ranking(
        yes=objects[inside][up],
        no=objects[~inside][down],
        same=np.searchsorted(yes, yes, side="left"),
        below=np.searchsorted(no, yes, side="left"),
        up_to=np.searchsorted(no, yes, side="right"),
    )


def _cumulative(weights: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
