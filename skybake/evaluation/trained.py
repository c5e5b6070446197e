"""What training left of all seeds of one model with one loss on one dataset, read for judging, choosing and drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skybake.data import splits
from skybake.data.dataset import Dataset
from skybake.evaluation import judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.metrics import measuring
from skybake.missing import present
from skybake.results import ensembles, identity, run_folder
from skybake.results.predictions import Predicted
from skybake.results.run_folder import PREDICTIONS, RECORD, Record

PARTS = ("valid", "test")
REGRESSION = "regression"
TOGETHER = -1  # no seed: stands where one would, of an ensemble
IDENTITY = ("dataset", "model", "loss", "task", "label", "units", "mock", "head", "parameters")


class EvaluationError(ValueError):
    """Runs that cannot be judged together."""


@dataclass(frozen=True)
class History:
    """Losses of one training, by epoch.

    Attributes:
        epoch, loss, val_loss: (E,); E = 0 where nothing is trained by epochs.
        best_epoch: The epoch with the lowest validation loss, as ``epoch`` counts; None where there is none.
        accuracy, val_accuracy: (E,) where the network tells classes; None elsewhere.
    """

    epoch: np.ndarray
    loss: np.ndarray
    val_loss: np.ndarray
    best_epoch: int | None
    accuracy: np.ndarray | None = None
    val_accuracy: np.ndarray | None = None


@dataclass(frozen=True)
class Trained:
    """What training left of one run.

    Attributes:
        folder: Where it lies.
        run: ``run.json``.
        history: ``history.csv``.
        parts: ``"valid"`` and ``"test"`` -> objects and predictions.
    """

    folder: Path
    run: Record
    history: History
    parts: Mapping[str, Predicted]


def read(
    runs: Mapping[int, Path], dataset: Dataset, parts: Sequence[str] = PARTS, prediction: str = identity.SEEDS
) -> dict[int, Trained]:
    """Read all seeds of one (dataset, model, loss), in ascending order; only ``parts`` of their predictions.

    Args:
        runs: Seed -> folder.
        dataset: That they were trained on.
        parts: ``"valid"``, ``"test"``.
        prediction: ``"ensemble"`` for the mean of them, alone and under :data:`TOGETHER`; else they are as they are.

    Raises:
        EvaluationError: They are not runs of one thing, or their objects differ.
        ValueError: Predictions are of another dataset.
    """
    if not runs:
        raise EvaluationError("no run given; expected one folder per seed")
    trained = {seed: _read(Path(runs[seed]), dataset, parts) for seed in sorted(runs)}
    first = next(iter(trained.values()))
    for seed, item in trained.items():
        if item.run.seed != seed:
            raise EvaluationError(f"{item.folder / RECORD}: seed {item.run.seed} found, expected {seed}")
        for key in IDENTITY:
            found, expected = getattr(item.run, key), getattr(first.run, key)
            if found != expected:
                raise EvaluationError(
                    f"{item.folder / RECORD}: {key} {found!r} found, expected {expected!r} as in {first.folder}."
                    " Hint: train all seeds again"
                )
        for part in parts:
            _check_objects(part, first, item)
    return {TOGETHER: ensemble(trained)} if prediction == identity.ENSEMBLE else trained


def ensemble(trained: Mapping[int, Trained]) -> Trained:
    """Return the mean of all seeds as one thing, with the parameters of all and without a history.

    Raises:
        ValueError: They do not predict the same things.
    """
    first = next(iter(trained.values()))
    numbers = [item.run.parameters for item in trained.values() if item.run.parameters is not None]
    return Trained(
        folder=first.folder,
        run=replace(first.run, parameters=sum(numbers) if numbers else None),
        history=_history((), None),
        parts={
            name: replace(
                part, prediction=ensembles.with_parts([item.parts[name].prediction for item in trained.values()])
            )
            for name, part in first.parts.items()
        },
    )


def _read(folder: Path, dataset: Dataset, parts: Sequence[str]) -> Trained:
    record = run_folder.read_record(folder)
    return Trained(
        folder=folder,
        run=record,
        history=_history(run_folder.read_history(folder), record.best_epoch),
        parts={part: run_folder.read_predictions(folder, part, dataset) for part in parts},
    )


def _history(rows: Sequence[Mapping[str, float]], best_epoch: int | None) -> History:
    names = ["epoch", "loss", "val_loss", *(name for name in ("accuracy", "val_accuracy") if rows and name in rows[0])]
    columns = {name: np.array([float(row[name]) for row in rows]) for name in names}
    return History(**columns, best_epoch=best_epoch)


def _check_objects(part: str, first: Trained, other: Trained) -> None:
    expected, found = first.parts[part], other.parts[part]
    if not np.array_equal(expected.ids, found.ids):
        same = min(len(expected.ids), len(found.ids))
        differ = np.flatnonzero(expected.ids[:same] != found.ids[:same])
        where = f"first at object {differ[0]}" if differ.size else f"{len(found.ids)} for {len(expected.ids)} objects"
        raise EvaluationError(
            f"{other.folder / PREDICTIONS}: the {part} objects are not those of {first.folder}, in the same"
            f" order ({where}). Hint: train all seeds again on one split"
        )


def part_errors(trained: Mapping[int, Trained], part: str) -> np.ndarray:
    """Return the errors (S, n) of a part's objects that have a label; a row per seed, NaN where not finite."""
    return judging.errors(parts_of(trained, part))


def part_class_scores(trained: Mapping[int, Trained], part: str) -> dict[str, np.ndarray]:
    """Return the scores (S, n) of each of a part's objects that have a label, by the metrics whose means they are."""
    parts = parts_of(trained, part)
    label = next(iter(parts.values())).label
    return measuring.class_scores(label, np.stack([item.prediction.class_probabilities for item in parts.values()]))


def parts_of(trained: Mapping[int, Trained], part: str) -> dict[int, Predicted]:
    """Return seed -> the objects and predictions of a part."""
    return {seed: item.parts[part] for seed, item in trained.items()}


def of_groups(bootstrap: Bootstrap, trained: Mapping[int, Trained], part: str) -> Bootstrap:
    """Return how a part's labelled objects are drawn: in the groups or cells that the split kept whole, or singly.

    An object that stands there several times, in repeated splits, is drawn with all that was predicted of it.
    """
    first = next(iter(trained.values()))
    found, split = first.parts[part], first.run.split
    groups = found.groups if splits.keeps_groups_whole(split["strategy"]) else None
    if groups is None and split.get("repeats", 1) > 1:
        groups = found.ids
    return bootstrap if groups is None else replace(bootstrap, groups=groups[present(found.label)])
