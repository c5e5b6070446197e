"""How often 95 % intervals hold the truth: plain percentiles of a bootstrap, and the intervals of skybake.

    python benchmarks/coverage.py [--sets 2000] [--draws 500]

Sets of errors with a known truth are simulated: normal ones, normal ones in groups of three (correlation 0.7), normal
ones of which 3 % are five times as large (``contaminated``) or ten times (``outliers``), and Student's t with 3 degrees
of freedom. Both ways judge the same draws. A share is told to the root of p (1 - p) / sets: 0.5 % at 95 % of 2,000.

A second table: how often two equal models are told apart whose seeds scatter by 5 % in scale. Of an object's error 80 %
of the variance is common to both, 15 % to the seeds of one, 5 % of a seed alone.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np
from scipy import optimize, stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from skybake.evaluation import pairs
from skybake.evaluation.bootstrap import Bootstrap, resample
from skybake.evaluation.intervals import intervals
from skybake.metrics import declared, regression

LEVEL, THRESHOLD, SIZE, RHO, DOF = 0.95, 1.6, 3, 0.7, 3
SHARE, FACTORS = 0.03, {"contaminated": 5, "outliers": 10}
NUMBERS = (40, 150, 800)
KINDS = ("normal", "groups", "contaminated", "student_t", "outliers")
STATISTICS = {
    **{name: getattr(regression, name) for name in ("mean_error", "std_error", "rmse", "nmad", "mae")},
    "outlier_fraction": partial(regression.outlier_fraction, threshold=THRESHOLD),
}

KIND_OF = {name: declared()[name].kind for name in STATISTICS}


def simulated(kind: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Return n errors, and their groups where they have some."""
    if kind == "groups":
        groups = np.arange(n) // SIZE
        return np.sqrt(RHO) * rng.normal(size=groups[-1] + 1)[groups] + np.sqrt(1 - RHO) * rng.normal(size=n), groups
    if kind in FACTORS:
        return rng.normal(size=n) * np.where(rng.random(n) < SHARE, FACTORS[kind], 1), None
    return (rng.standard_t(DOF, size=n) if kind == "student_t" else rng.normal(size=n)), None


def truths(kind: str) -> dict[str, float]:
    """Return what an endless set of errors has; all are symmetric about zero."""
    if kind == "student_t":
        parts = [(1.0, stats.t(DOF))]
    else:
        share = SHARE if kind in FACTORS else 0.0
        parts = [(1 - share, stats.norm()), (share, stats.norm(scale=FACTORS.get(kind, 1)))]
    beyond = lambda x: sum(weight * 2 * part.sf(x) for weight, part in parts)  # noqa: E731
    std = np.sqrt(sum(weight * part.var() for weight, part in parts))
    return {
        "mean_error": 0.0,
        "std_error": std,
        "rmse": std,
        "nmad": regression.NORMAL_MAD * optimize.brentq(lambda x: beyond(x) - 0.5, 0, 5),
        "mae": sum(weight * part.expect(np.abs) for weight, part in parts),
        "outlier_fraction": beyond(THRESHOLD),
    }


def measure(kind: str, n: int, *, sets: int, draws: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return the per cent of sets whose interval holds the truth: metric -> ``percentiles`` and ``now``."""
    rng, truth = np.random.default_rng([seed, n, KINDS.index(kind)]), truths(kind)
    held = {name: {"percentiles": 0, "now": 0} for name in STATISTICS}
    for _ in range(sets):
        errors, groups = simulated(kind, n, rng)
        bootstrap = Bootstrap(draws=draws, level=LEVEL, groups=groups)
        drawn = resample(errors, STATISTICS, bootstrap)
        spans = intervals(errors, STATISTICS, bootstrap, KIND_OF)
        for name, value in truth.items():
            low, high = np.quantile(drawn[name], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            held[name]["percentiles"] += bool(low <= value <= high)
            held[name]["now"] += name in spans and bool(spans[name].low <= value <= spans[name].high)
    return {name: {way: 100 * count / sets for way, count in ways.items()} for name, ways in held.items()}


def told_apart(n: int, seeds: int, *, sets: int, draws: int, scatter: float = 0.05) -> dict[str, float]:
    """Return the per cent of pairs of equal models of which an interval of their difference leaves out zero.

    ``objects`` are drawn alone; in ``hierarchical`` draws of them seeds are drawn with the objects; ``now`` is ours.
    """
    rng = np.random.default_rng([n, seeds])
    found = dict.fromkeys(("objects", "hierarchical", "now"), 0)
    std = {"std": regression.std_error}
    for _ in range(sets):
        common = rng.normal(size=n)
        first, second = (
            (np.sqrt(0.8) * common + np.sqrt(0.15) * rng.normal(size=n) + np.sqrt(0.05) * rng.normal(size=(seeds, n)))
            * np.exp(scatter * rng.normal(size=(seeds, 1)))
            for _ in range(2)
        )
        bootstrap = Bootstrap(draws=draws, level=LEVEL)
        one, other = (pairs.sample(errors, std, bootstrap)["std"] for errors in (first, second))
        pair = pairs.compare(one, other, LEVEL)
        rows = rng.integers(0, n, size=(draws, 1, n))
        drawn = [
            regression.std_error(errors[rng.integers(0, seeds, size=(draws, seeds, 1)), rows].reshape(draws, -1))
            for errors in (first, second)
        ]
        low, high = np.quantile(drawn[0] - drawn[1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        spans = ((pair.objects_low, pair.objects_high), (low, high), (pair.low, pair.high))
        for name, (low, high) in zip(found, spans, strict=True):
            found[name] += bool(low > 0 or high < 0)
    return {name: 100 * count / sets for name, count in found.items()}


def main() -> None:
    """Simulate, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=500)
    given = parser.parse_args()
    print(f"| errors | n | {' | '.join(STATISTICS)} |\n|---|---|{'---|' * len(STATISTICS)}")
    for kind in KINDS:
        for n in NUMBERS:
            found = measure(kind, n, sets=given.sets, draws=given.draws)
            cells = [f"{ways['percentiles']:.1f}, {ways['now']:.1f}" for ways in found.values()]
            print(f"| {kind} | {n} | {' | '.join(cells)} |", flush=True)
    print("\n| n | seeds | objects alone | hierarchical bootstrap | objects and seeds |\n|---|---|---|---|---|")
    for n in (150, 800):
        for seeds in (2, 3, 5):
            shares = told_apart(n, seeds, sets=given.sets, draws=given.draws)
            print(f"| {n} | {seeds} | {' | '.join(f'{share:.1f}' for share in shares.values())} |", flush=True)


if __name__ == "__main__":
    main()
