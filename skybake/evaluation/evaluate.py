"""Judges one model with one loss on one dataset: all its seeds, from their predictions."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import figures as drawings
from skybake import files, plugins
from skybake.data.dataset import Dataset, load_dataset
from skybake.data.splits import WHOLE_GROUPS
from skybake.evaluation import judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.files import atomic_write
from skybake.metrics import regression
from skybake.missing import present
from skybake.results import predictions
from skybake.results.predictions import Predicted

PARTS = ("valid", "test")
REGRESSION = "regression"
IDENTITY = ("dataset", "model", "loss", "task", "label", "units", "mock", "head", "parameters")


class EvaluationError(ValueError):
    """Runs that cannot be judged together."""


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
    run: Mapping[str, Any]
    history: drawings.History
    parts: Mapping[str, Predicted]


def evaluate(
    runs: Mapping[int, Path],
    metrics: Path,
    figures: Path,
    figure_names: Sequence[str],
    statistics: Mapping[str, Any],
    outlier: float | None = None,
    dataset: Path | None = None,
) -> None:
    """Write ``metrics.json`` and the figures of one (dataset, model, loss).

    Args:
        runs: Seed -> folder with ``predictions.h5``, ``history.csv`` and ``run.json``.
        metrics: File to write. It is written last: where it exists, the figures do.
        figures: Folder for ``<name>.pdf`` and ``<name>.png``.
        figure_names: Files of ``skybake/figures/`` with ``SCOPE = "run"``; those that need what these runs do not
            predict are left out.
        statistics: ``draws``, ``level`` and ``seed`` of the bootstrap.
        outlier: Size of error above which an object is an outlier; by default what suits the label.
        dataset: Its file; without it, figures that show images are left out.

    Raises:
        EvaluationError: Seeds differ in what they are runs of, or in their objects; or no object has a label.
    """
    trained = read(runs)
    bootstrap = Bootstrap(**statistics)
    first = next(iter(trained.values())).run
    threshold = regression.outlier_threshold(first["label"]) if outlier is None else outlier
    number = first["task"] == REGRESSION
    report = {
        **{key: first[key] for key in IDENTITY},
        "seeds": list(trained),
        "predictions": {seed: files.file_digest(item.folder / "predictions.h5") for seed, item in trained.items()},
        "error": regression.error_kind(first["label"]) if number else None,
        "outlier_threshold": threshold if number else None,
        "statistics": dict(statistics),
        **{part: _judge(trained, part, bootstrap, threshold) for part in PARTS},
    }
    Path(figures).mkdir(parents=True, exist_ok=True)
    file = load_dataset(dataset) if dataset and _show_images(figure_names) else None
    data = _figure_data(trained, threshold, bootstrap.level, file)
    for name in figure_names:
        if drawings.can_draw(name, data):
            drawings.draw(name, data, Path(figures))
    with atomic_write(metrics) as beside:
        beside.write_text(
            json.dumps(_plain(report), indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8"
        )


def read(runs: Mapping[int, Path], parts: Sequence[str] = PARTS) -> dict[int, Trained]:
    """Read all seeds of one (dataset, model, loss), in ascending order; only ``parts`` of their predictions.

    Raises:
        EvaluationError: They are not runs of one thing, or their objects differ.
    """
    if not runs:
        raise EvaluationError("no run given; expected one folder per seed")
    trained = {seed: _read(Path(runs[seed]), parts) for seed in sorted(runs)}
    first = next(iter(trained.values()))
    for seed, item in trained.items():
        if item.run["seed"] != seed:
            raise EvaluationError(f"{item.folder / 'run.json'}: seed {item.run['seed']} found, expected {seed}")
        for key in IDENTITY:
            if item.run[key] != first.run[key]:
                raise EvaluationError(
                    f"{item.folder / 'run.json'}: {key} {item.run[key]!r} found, expected {first.run[key]!r} as in"
                    f" {first.folder}. Hint: train all seeds again"
                )
        for part in parts:
            _check_objects(part, first, item)
    return trained


def _read(folder: Path, parts: Sequence[str]) -> Trained:
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return Trained(
        folder=folder,
        run=run,
        history=_history(folder / "history.csv", run.get("best_epoch")),
        parts={part: predictions.read(folder / "predictions.h5", part) for part in parts},
    )


def _history(path: Path, best_epoch: int | None) -> drawings.History:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = ["epoch", "loss", "val_loss", *(name for name in ("accuracy", "val_accuracy") if rows and name in rows[0])]
    columns = {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    return drawings.History(**columns, best_epoch=best_epoch)


def _check_objects(part: str, first: Trained, other: Trained) -> None:
    expected, found = first.parts[part], other.parts[part]
    if not np.array_equal(expected.ids, found.ids) or not np.array_equal(expected.label, found.label, equal_nan=True):
        same = min(len(expected.ids), len(found.ids))
        differ = np.flatnonzero(expected.ids[:same] != found.ids[:same])
        where = f"first at object {differ[0]}" if differ.size else f"{len(found.ids)} for {len(expected.ids)} objects"
        raise EvaluationError(
            f"{other.folder / 'predictions.h5'}: the {part} objects or their labels are not those of {first.folder},"
            f" in the same order ({where}). Hint: train all seeds again on one split"
        )


def part_errors(trained: Mapping[int, Trained], part: str) -> np.ndarray:
    """Return the errors (S, n) of a part's objects that have a label; a row per seed, NaN where not finite."""
    return judging.errors(_parts(trained, part))


def part_class_scores(trained: Mapping[int, Trained], part: str) -> dict[str, np.ndarray]:
    """Return ``accuracy``, ``brier`` and ``log_loss`` (S, n) of each of a part's objects that have a label."""
    parts = _parts(trained, part)
    label = next(iter(parts.values())).label
    return judging.class_scores(label, np.stack([item.prediction.class_probabilities for item in parts.values()]))


def _parts(trained: Mapping[int, Trained], part: str) -> dict[int, Predicted]:
    return {seed: item.parts[part] for seed, item in trained.items()}


def _judge(trained: Mapping[int, Trained], part: str, bootstrap: Bootstrap, threshold: float) -> dict[str, Any]:
    """Return the metrics of a part: per seed, and of all seeds pooled with intervals over objects."""
    parts = _parts(trained, part)
    first = next(iter(trained.values()))
    label, name = first.parts[part].label, first.parts[part].name
    if not present(label).any():
        raise EvaluationError(
            f"{name}: none of {len(label)} {part} objects has a label. Hint: use another split or label"
        )
    bootstrap = of_groups(bootstrap, trained, part)
    facts = {"objects": len(label), "groups": None if bootstrap.groups is None else len(np.unique(bootstrap.groups))}
    if first.run["task"] == REGRESSION:
        return {**facts, **judging.regression(parts, bootstrap, threshold)}
    for item in trained.values():
        if item.parts[part].prediction.classes is None:
            raise EvaluationError(
                f"{item.folder / 'predictions.h5'}: no probabilities of classes found; expected them, since the task is"
                f" {item.run['task']}. Hint: train with a loss for classification"
            )
    return {**facts, **judging.classification(parts, bootstrap)}


def of_groups(bootstrap: Bootstrap, trained: Mapping[int, Trained], part: str) -> Bootstrap:
    """Return how a part's labelled objects are drawn: in the groups or cells that the split kept whole, or singly."""
    first = next(iter(trained.values()))
    found = first.parts[part]
    if first.run.get("split", {}).get("strategy") not in WHOLE_GROUPS or found.groups is None:
        return bootstrap
    return replace(bootstrap, groups=found.groups[present(found.label)])


def _show_images(figure_names: Sequence[str]) -> bool:
    known = plugins.in_room("figures", "draw")
    return any("images" in known[name].constants.get("NEEDS", ()) for name in figure_names)


def _figure_data(trained: Mapping[int, Trained], threshold: float, level: float, file: Dataset | None) -> drawings.Run:
    run = next(iter(trained.values())).run
    number = run["task"] == REGRESSION
    return drawings.Run(
        dataset=run["dataset"],
        model=run["model"],
        loss=run["loss"],
        label=run["label"],
        units=run["units"],
        error=regression.error_kind(run["label"]) if number else "",
        mock=run["mock"],
        histories={seed: item.history for seed, item in trained.items()},
        test=_parts(trained, "test"),
        errors=part_errors(trained, "test") if number else np.empty((len(trained), 0)),
        outlier_threshold=threshold,
        level=level,
        file=file,
    )


def _plain(value: Any) -> Any:
    """Return the value with null for numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
