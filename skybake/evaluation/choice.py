"""Chooses the best point of a sweep on the validation part; the test part is not looked at."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skybake.data.dataset import Dataset
from skybake.evaluation.trained import Trained, part_class_scores, part_errors, read
from skybake.files import atomic_write, write_json
from skybake.metrics.regression import rmse
from skybake.results import run_folder

SCORES = {"regression": "rmse", "classification": "log_loss"}  # as the comparison chooses among models


class SweepError(ValueError):
    """A sweep none of whose points can be chosen."""


def choose(
    points: Mapping[str, Mapping[str, Any]],
    folders: Mapping[str, Mapping[int, Path]],
    dataset: Dataset,
    choice: Path,
) -> None:
    """Write which point of a sweep is the best on the validation part, and what all of them reached there.

    The score of a point is the mean over its seeds of the root mean squared error, for classes of the log loss. The
    loss that trained would not do: the losses of two values of ``delta`` cannot be compared. A point of which one seed
    diverged is not chosen. Of equal points the first is. Those that successive halving left out are not told of.

    Args:
        points: Name -> what the point sets, key -> value.
        folders: Name -> seed -> folder of the run.
        dataset: That they were trained on.
        choice: ``sweep.json`` to write, with ``sweep.csv`` of the same numbers beside it.

    Raises:
        SweepError: In every point a seed diverged.
        ValueError: Predictions are of another dataset.
    """
    found = [
        {"point": name, "values": dict(values), **_score(folders[name], dataset)}
        for name, values in points.items()
        if not _left_out(folders[name])
    ]
    able = [item for item in found if item["mean"] is not None]
    if not able:
        reasons = "; ".join(f"{item['point']}: {next(iter(item['diverged'].values()))}" for item in found)
        raise SweepError(f"no point of this sweep can be chosen, in each a seed diverged: {reasons}")
    best = min(able, key=lambda item: item["mean"])
    score = next(item["score"] for item in able)
    for item in found:
        del item["score"]
    with (
        atomic_write(Path(choice).with_suffix(".csv")) as beside,
        beside.open("w", newline="", encoding="utf-8") as stream,
    ):
        keys = list(dict.fromkeys(key for item in found for key in item["values"]))
        table = csv.writer(stream, lineterminator="\n")
        seeds = [f"seed_{seed}" for seed in best["seeds"]]
        table.writerow(["point", *keys, "mean", "std_over_seeds", *seeds, "chosen"])
        for item in found:
            values = [item["values"].get(key) for key in keys]
            row = [item["point"], *values, item["mean"], item["std_over_seeds"], *item["seeds"].values()]
            table.writerow([*("" if cell is None else cell for cell in row), str(item is best).lower()])
    write_json(choice, {"score": f"valid_{score}", "chosen": best["point"], "points": found})


def end_rung(
    trials: Mapping[str, str], folders: Mapping[str, Mapping[int, Path]], rung: int, dataset: Dataset, out: Path
) -> None:
    """Write which trials go on from a rung of successive halving: a third of them after each, rounded up.

    The best on the validation part do, by the score of :func:`choose`; one of which a seed diverged never does. Of
    equal ones the first does (Jamieson & Talwalkar 2016, AISTATS 51, 240).

    Args:
        trials: Point -> its trial, of all rungs.
        folders: Point -> seed -> folder of the run, of those on this rung.
        rung: From 1.
        dataset: That they were trained on.
        out: JSON to write: ``goes_on``, names of trials, the best first.
    """
    means = {
        trials[point]: None if _left_out(seeds) else _score(seeds, dataset)["mean"] for point, seeds in folders.items()
    }
    able = {trial: mean for trial, mean in means.items() if mean is not None}
    best = sorted(able, key=lambda trial: able[trial])
    write_json(out, {"rung": rung, "trials": len(able), "goes_on": best[: math.ceil(len(means) / 3**rung)]})


def _left_out(folders: Mapping[int, Path]) -> bool:
    """Tell whether a point of successive halving was not trained."""
    return any(run_folder.read_record(Path(folder)).left_out for folder in folders.values())


def _score(folders: Mapping[int, Path], dataset: Dataset) -> dict[str, Any]:
    """Return the validation score of each seed, their mean and spread; None where a seed diverged."""
    diverged = {}
    for seed, folder in folders.items():
        record = run_folder.read_record(Path(folder))
        if record.diverged:
            diverged[str(seed)] = record.diverged
    ended = {seed: folder for seed, folder in folders.items() if str(seed) not in diverged}
    scores: dict[str, float | None] = dict.fromkeys(map(str, folders))
    score = None
    if ended:
        trained = read(ended, dataset, parts=("valid",))
        score = SCORES[next(iter(trained.values())).run.task]
        each = _each(trained, score)
        scores |= {str(seed): value if np.isfinite(value) else None for seed, value in zip(trained, each, strict=True)}
    values = [value for value in scores.values() if value is not None]
    whole_point = len(values) == len(scores)
    return {
        "score": score,
        "seeds": scores,
        "mean": float(np.mean(values)) if whole_point else None,
        "std_over_seeds": float(np.std(values, ddof=1)) if whole_point and len(values) > 1 else None,
        "diverged": diverged,
    }


def _each(trained: Mapping[int, Trained], score: str) -> list[float]:
    if score == "log_loss":
        return [float(values.mean()) for values in part_class_scores(trained, "valid")[score]]
    return [float(rmse(values)) for values in part_errors(trained, "valid")]
