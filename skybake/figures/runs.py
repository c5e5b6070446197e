"""Draws the figures of one model with one loss on one dataset: of all its seeds, and of what they were judged to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import figures
from skybake.data import limit as limits_of
from skybake.data.dataset import Dataset
from skybake.evaluation.trained import REGRESSION, Trained, part_errors, parts_of, read
from skybake.files import read_json
from skybake.results import identity


def draw_run(
    runs: Mapping[int, Path],
    dataset: Dataset,
    metrics: Path,
    folder: Path,
    names: Sequence[str],
    prediction: str = identity.SEEDS,
    limit: Path | None = None,
) -> None:
    """Draw the figures of one row: of a (dataset, model, loss), or of its ensemble.

    Args:
        runs: Seed -> folder with ``predictions.h5``, ``history.csv`` and ``run.json``.
        dataset: That they were trained on.
        metrics: ``metrics.json`` of these runs.
        folder: For ``<name>.pdf`` and ``<name>.png``.
        names: Files of ``skybake/figures/`` with ``SCOPE = "run"``; those that need what these runs do not predict are
            left out.
        prediction: ``"ensemble"`` for the mean of them; ``"seeds"`` or ``"mc_dropout"`` say what they are.
        limit: ``limit.json`` of a simulated dataset that has it.

    Raises:
        EvaluationError: Seeds differ in what they are runs of, or in their objects.
        ValueError: Predictions are of another dataset.
    """
    trained = read(runs, dataset, prediction=prediction)
    row = judged_row(trained, read_json(metrics), dataset)
    figures.draw_all(names, replace(row, limit=None if limit is None else limits_of.read(limit)), Path(folder))


def judged_row(
    trained: Mapping[int, Trained], judged: Mapping[str, Any], file: Dataset | None = None, *, predictions: bool = True
) -> figures.JudgedRow:
    """Return what figures show of one (dataset, model, loss).

    Args:
        trained: Seed -> what training left.
        judged: What ``metrics.json`` says.
        file: The dataset, to read images from.
        predictions: Whether they were read; without them there are histories and what was judged.
    """
    number = judged["task"] == REGRESSION and predictions
    return figures.JudgedRow(
        **{name: judged[name] for name in ("dataset", "model", "label", "units", "mock")},
        loss=identity.with_words(judged["loss"], judged.get("prediction", "")),
        error=judged["error"] or "",
        histories={seed: item.history for seed, item in trained.items()},
        test=parts_of(trained, "test") if predictions else {},
        errors=part_errors(trained, "test") if number else np.empty((len(trained), 0)),
        judged=judged["test"],
        outlier_threshold=judged["outlier_threshold"] or np.nan,
        level=judged["statistics"]["level"],
        file=file,
    )
