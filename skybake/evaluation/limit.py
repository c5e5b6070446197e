"""How near the rows of a comparison come to the limit of a simulated dataset.

Efficiency is limit over what is achieved, on the same objects: of a number the root mean square of the errors, of two
classes the log loss. An ideal prediction has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from skybake.data.dataset import Dataset
from skybake.data.limit import SIGMA, Limit, Limits
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.intervals import intervals
from skybake.evaluation.trained import Trained
from skybake.metrics import SCALE, declared, measuring
from skybake.metrics.regression import errors

SCATTER, LOG_LOSS = "std_error", "log_loss"


def measure(
    limits: Limits, dataset: Dataset, rows: Mapping[str, Mapping[int, Trained]], bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return what the comparison tells of a limit, as plain values.

    Args:
        limits: Of test objects.
        dataset: That they are of.
        rows: Name of a row -> seed -> what was trained; all have the same test objects.
        bootstrap: How intervals are made; groups are those of the dataset's split.

    Returns:
        ``objects`` and ``test_objects``, how many there are; ``lines``: ``name``, ``kind``, ``method`` and ``values``
        (metric -> ``value``, ``low`` and ``high``); ``efficiency``: the same of each row, none
        where the first line is no bound. No ``low`` and ``high`` where
        objects are too few.
    """
    places = _places(limits, dataset.ids)
    label = dataset.labels[limits.label][places]
    first = next((part.parts["test"] for runs in rows.values() for part in runs.values()), None)
    if first is not None and bootstrap.groups is not None and first.groups is not None:
        bootstrap = replace(bootstrap, groups=first.groups[_places(limits, first.ids)])
    lines = [_of_line(line, label) for line in limits.lines]
    main, power = (SCATTER, 0.5) if limits.lines[0].kind == SIGMA else (LOG_LOSS, 1.0)
    held = rows if limits.lines[0].bound else {}
    achieved = {name: _of_row(limits, runs, label) for name, runs in held.items()}
    statistics: dict[str, Callable] = {}
    kinds: dict[str, str] = {}
    for number, values in enumerate(lines):
        for name, each in values.items():
            statistics[f"{number}/{name}"] = _mean_of(each, 0.5 if name == SCATTER else 1.0)
            kinds[f"{number}/{name}"] = SCALE if name == SCATTER else declared()[name].kind
    for name, each in achieved.items():
        statistics[f"row/{name}"], kinds[f"row/{name}"] = _ratio_of(lines[0][main], each, power), SCALE
    every = np.arange(len(label))
    spans = intervals(every, statistics, bootstrap, kinds)

    def told(key: str) -> dict[str, float]:
        return {"value": float(statistics[key](every)), **(asdict(spans[key]) if key in spans else {})}

    return {
        "objects": len(label),
        "test_objects": limits.of,
        "lines": [
            {
                **{"name": line.name, "kind": line.kind, "method": line.method, "bound": line.bound},
                "values": {name: told(f"{number}/{name}") for name in lines[number]},
            }
            for number, line in enumerate(limits.lines)
        ],
        "efficiency": {name: told(f"row/{name}") for name in achieved},
    }


def _places(limits: Limits, ids: np.ndarray) -> np.ndarray:
    """Return the places of the limit's objects among some.

    Raises:
        ValueError: One is not there.
    """
    place = {name: number for number, name in enumerate(ids)}
    lacking = [name for name in limits.ids if name not in place]
    if lacking:
        raise ValueError(f"limit.csv: {lacking[0]!r} is no test object. Hint: the dataset has changed; run again")
    return np.array([place[name] for name in limits.ids], dtype=np.int64)


def _of_line(line: Limit, label: np.ndarray) -> dict[str, np.ndarray]:
    """Return metric -> what of each object (n,) it is the mean of; of the scatter it is the square."""
    if line.kind == SIGMA:
        return {SCATTER: np.square(line.values)}
    return _class_scores(label, np.stack([1 - line.values, line.values], axis=-1)[None])


def _of_row(limits: Limits, runs: Mapping[int, Trained], label: np.ndarray) -> np.ndarray:
    """Return squared errors or log losses (n,) of the limit's objects, means over seeds."""
    parts = [run.parts["test"] for run in runs.values()]
    places = _places(limits, parts[0].ids)
    if limits.lines[0].kind == SIGMA:
        point = np.stack([part.prediction.point[places] for part in parts])
        return np.square(errors(label, point, parts[0].column.error)).mean(axis=0)
    return _class_scores(label, np.stack([part.prediction.class_probabilities[places] for part in parts]))[LOG_LOSS]


def _class_scores(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    return {name: each.mean(axis=0) for name, each in measuring.class_scores(label, probabilities).items()}


def _mean_of(values: np.ndarray, power: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: values[rows].mean(axis=-1) ** power


def _ratio_of(limit: np.ndarray, achieved: np.ndarray, power: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: (limit[rows].mean(axis=-1) / achieved[rows].mean(axis=-1)) ** power
