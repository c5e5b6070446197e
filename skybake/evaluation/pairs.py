"""Paired comparisons of models on the same objects: which differences another test sample, or another seed, would undo.

Two questions are told apart. Would these very networks differ on other objects? The draws of objects say that. Would
the two ways to train differ, on other objects and with other seeds? There the variance over seeds, of their mean, is
added to that over draws, and the t quantile has the degrees of freedom of both (Satterthwaite 1946, Biometrics 2, 110).
A bootstrap that draws seeds with the objects asks the same, but of two seeds it finds half the variance: of two equal
models whose seeds scatter by 5 % it tells 11 % apart, where this tells 6 % (docs/measurements.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from skybake.evaluation.bootstrap import Bootstrap, percentiles, resample
from skybake.metrics.regression import Statistic

FEW_SEEDS = 5  # below which the interval of objects alone is told beside that of objects and seeds


@dataclass(frozen=True)
class Sampled:
    """A statistic of one model, of all seeds together, and how it scatters.

    Attributes:
        value: On the objects as they are.
        draws: (D,) on drawn objects; those of all models are the same objects.
        units: Number of objects, or of groups, that are drawn.
        seeds: Number of trainings; None of what uses no seed.
        over_seeds: Variance over seeds, divided by their number: that of their mean. None of one seed, which tells
            nothing of others; 0 of what uses no seed.
    """

    value: float
    draws: np.ndarray
    units: int
    seeds: int | None
    over_seeds: float | None


@dataclass(frozen=True)
class Paired:
    """A statistic of one model minus that of another, on the same objects.

    Attributes:
        difference: On the objects as they are.
        low, high: Interval over objects and seeds; over objects alone where a network was trained once.
        objects_low, objects_high: Expanded percentile interval over objects, of the networks as trained.
        below_zero: Fraction of draws of objects with a difference below zero.
        p_value: Of a difference of zero, two-sided, as ``low`` and ``high``.
        seeds: The smaller number of trainings; None where neither uses a seed.
        with_seeds: Whether ``low`` and ``high`` are over seeds too.
    """

    difference: float
    low: float
    high: float
    objects_low: float
    objects_high: float
    below_zero: float
    p_value: float
    seeds: int | None
    with_seeds: bool


def sample(
    errors: np.ndarray, statistics: Mapping[str, Statistic], bootstrap: Bootstrap, *, seeded: bool = True
) -> dict[str, Sampled]:
    """Return statistics of a model's errors, (n,) or (S, n) of S seeds; arguments as of :func:`resample`.

    Args:
        errors: Of all models the same objects in the same order.
        statistics: Name -> function of (..., m) errors that reduces the last axis.
        bootstrap: How to draw.
        seeded: Whether another seed would give other errors.
    """
    errors = np.atleast_2d(errors)
    draws = resample(errors, statistics, bootstrap)
    seeds = len(errors)
    found = {}
    for name, statistic in statistics.items():
        over_seeds = float(np.var(statistic(errors), ddof=1) / seeds) if seeds > 1 else None
        found[name] = Sampled(
            value=float(statistic(errors.ravel())),
            draws=draws[name],
            units=bootstrap.units(errors.shape[1]),
            seeds=seeds if seeded else None,
            over_seeds=over_seeds if seeded else 0.0,
        )
    return found


def compare(model: Sampled, reference: Sampled, level: float) -> Paired:
    """Return the model's statistic minus the reference's.

    Raises:
        ValueError: The numbers of objects differ.
    """
    if model.units != reference.units:
        raise ValueError(f"{model.units} objects found; expected the reference's {reference.units}")
    difference, draws = model.value - reference.value, model.draws - reference.draws
    objects = percentiles(draws, level, model.units)
    variance, degrees, with_seeds = _variance(draws, (model, reference))
    half = float(stats.t.ppf((1 + level) / 2, degrees) * np.sqrt(variance)) if variance > 0 else 0.0
    both = (difference - half, difference + half) if with_seeds else (objects.low, objects.high)
    numbers = [item.seeds for item in (model, reference) if item.seeds is not None]
    finite = bool(np.isfinite(draws).all())
    return Paired(
        difference=difference,
        low=both[0] if finite else float("nan"),
        high=both[1] if finite else float("nan"),
        objects_low=objects.low,
        objects_high=objects.high,
        below_zero=float(np.mean(draws < 0)) if finite else float("nan"),
        p_value=_p_value(difference, variance, degrees) if finite else float("nan"),
        seeds=min(numbers, default=None),
        with_seeds=with_seeds,
    )


def change(model: Sampled, reference: Sampled, level: float) -> Paired:
    """Return how a positive statistic of a model differs from that of a reference, in per cent of the latter.

    The logarithms are compared, as :func:`compare` does, so that the interval is that of the ratio. What is zero in
    some draw has none (NaN).

    Raises:
        ValueError: The numbers of objects differ.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = compare(_logarithm(model), _logarithm(reference), level)
    told = ("difference", "low", "high", "objects_low", "objects_high")
    per_cent: dict[str, Any] = {name: 100 * float(np.expm1(getattr(found, name))) for name in told}
    return replace(found, **per_cent)


def _logarithm(sampled: Sampled) -> Sampled:
    """Return the logarithm of a statistic; its variance over seeds is that of the value's relative size."""
    over_seeds = sampled.over_seeds and sampled.over_seeds / np.square(sampled.value)
    return replace(sampled, value=float(np.log(sampled.value)), draws=np.log(sampled.draws), over_seeds=over_seeds)


def _variance(draws: np.ndarray, models: Sequence[Sampled]) -> tuple[float, float, bool]:
    """Return the variance of a difference, its degrees of freedom, and whether it is over seeds too."""
    units = models[0].units
    objects = float(np.var(draws, ddof=1)) * units / (units - 1)  # draws vary with divisor n, not n - 1
    known = [item.over_seeds for item in models]
    if None in known:
        return objects, units - 1, False
    parts = [(objects, units - 1)]
    parts += [(item.over_seeds, item.seeds - 1) for item in models if item.over_seeds and item.seeds]
    whole = sum(part for part, _ in parts)
    if whole == 0:
        return 0.0, units - 1, any(item.seeds for item in models)
    degrees = whole**2 / sum(part**2 / degrees for part, degrees in parts)
    return whole, degrees, any(item.seeds for item in models)


def _p_value(difference: float, variance: float, degrees: float) -> float:
    if variance <= 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / np.sqrt(variance), degrees))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values of a family of comparisons, corrected so that one of them errs as seldom as one alone.

    Holm 1979, Scandinavian Journal of Statistics 6, 65.
    """
    found, highest = [0.0] * len(p_values), 0.0
    for place, which in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[which]))
        found[which] = highest
    return found


def groups(models: Mapping[str, Sampled], best: str, level: float) -> dict[str, str]:
    """Return the letters of models, in their order; two that share one are not told apart.

    All are compared with the best, a family of Holm's, and all others with one another, a second one: a model shares a
    letter with the best where the comparison with it says the same. Letters are given by insertion and absorption
    (Piepho 2004, Journal of Computational and Graphical Statistics 13, 456).

    Args:
        models: Name -> the statistic that tells them apart.
        best: The name of one.
        level: 1 minus the largest p value at which two are told apart.
    """
    pairs = list(combinations(models, 2))
    apart = set()
    for family in ([pair for pair in pairs if best in pair], [pair for pair in pairs if best not in pair]):
        raw = []
        for first, second in family:
            draws, both = models[first].draws - models[second].draws, (models[first], models[second])
            variance, degrees, _ = _variance(draws, both)
            raw.append(_p_value(both[0].value - both[1].value, variance, degrees))
        apart |= {pair for pair, p_value in zip(family, holm(raw), strict=True) if p_value < 1 - level}
    return letters(list(models), apart)


def letters(names: Sequence[str], apart: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return letters such that two names share one if, and only if, they are not a pair that is told apart."""
    columns = [frozenset(names)]
    for first, second in sorted(apart):
        split = [column for column in columns if {first, second} <= column]
        columns = [column for column in columns if column not in split]
        for column in (part for whole in split for part in (whole - {first}, whole - {second})):
            if not any(column <= other for other in columns):
                columns = [other for other in columns if not other < column] + [column]
    order = {name: place for place, name in enumerate(names)}
    columns.sort(key=lambda column: sorted(order[name] for name in column))
    return {name: "".join(_letter(place) for place, column in enumerate(columns) if name in column) for name in names}


def _letter(place: int) -> str:
    """Return a to z, then a1 to z1, ..."""
    return chr(ord("a") + place % 26) + (str(place // 26) if place >= 26 else "")
