"""Judges one model with one loss on one dataset: all its seeds, from their predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skybake import files
from skybake.data.dataset import Dataset
from skybake.evaluation import conformal, failures, judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.trained import (
    IDENTITY,
    PARTS,
    REGRESSION,
    TOGETHER,
    EvaluationError,
    Trained,
    ensemble,
    of_groups,
    parts_of,
    read,
)
from skybake.missing import present
from skybake.results import identity
from skybake.results.run_folder import PREDICTIONS


def judge(
    runs: Mapping[int, Path],
    dataset: Dataset,
    metrics: Path,
    statistics: Mapping[str, Any],
    outlier: float | None = None,
    worst: Path | None = None,
    prediction: str = identity.SEEDS,
) -> None:
    """Write ``metrics.json`` of one row: of a (dataset, model, loss), or of its ensemble, which has no single seeds.

    Args:
        runs: Seed -> folder with ``predictions.h5``, ``history.csv`` and ``run.json``.
        dataset: That they were trained on.
        metrics: File to write.
        statistics: ``draws``, ``level`` and ``seed`` of the bootstrap.
        outlier: Size of error above which an object is an outlier; by default what the survey says of the label.
        worst: ``failures.csv`` to write, the test objects that are predicted worst
            (:mod:`skybake.evaluation.failures`); None writes none.
        prediction: ``"ensemble"`` for the mean of them; ``"seeds"`` or ``"mc_dropout"`` say what they are.

    Raises:
        EvaluationError: Seeds differ in what they are runs of, or in their objects; or no object has a label.
        ValueError: Predictions are of another dataset.
    """
    seeds = read(runs, dataset)
    together = prediction == identity.ENSEMBLE
    trained = {TOGETHER: ensemble(seeds)} if together else seeds
    bootstrap = Bootstrap(**statistics)
    first = next(iter(trained.values())).run
    column = next(iter(trained.values())).parts["test"].column
    threshold = outlier or column.outlier or math.nan  # of classes there is none
    number = first.task == REGRESSION
    report = {
        **{key: getattr(first, key) for key in IDENTITY},
        **({"prediction": prediction} if prediction != identity.SEEDS else {}),
        "seeds": list(seeds),
        "predictions": {seed: files.file_digest(item.folder / PREDICTIONS) for seed, item in seeds.items()},
        "error": column.error if number else None,
        "outlier_threshold": threshold if number else None,
        "statistics": dict(statistics),
        **{part: _judge(trained, part, bootstrap, threshold) for part in PARTS},
    }
    report["conformal"] = _add_conformal(report["test"], trained, bootstrap)
    if together:
        for part in PARTS:
            report[part]["per_seed"] = {}
            if "confusion" in report[part]:
                report[part]["confusion"]["per_seed"] = {}
    if worst is not None:
        failures.write(worst, parts_of(trained, "test"))
    files.write_json(metrics, report)


def _add_conformal(
    judged: dict[str, Any], trained: Mapping[int, Trained], bootstrap: Bootstrap
) -> dict[str, Any] | None:
    """Add conformal intervals or sets to what is judged of the test part; return how they are made of a prediction.

    None where some prediction is no number. A threshold that is null is infinite: too few objects to tell.
    """
    groups = of_groups(bootstrap, trained, "valid").groups
    found = {seed: conformal.calibrate(item.parts["valid"], groups) for seed, item in trained.items()}
    known = {seed: item for seed, item in found.items() if item is not None}
    if judged["not_finite"] or len(known) < len(found):
        return None
    pooled, per_seed = judging.conformal(parts_of(trained, "test"), known, of_groups(bootstrap, trained, "test"))
    judged["pooled"] |= pooled
    for seed, values in per_seed.items():
        judged["per_seed"][seed] |= values
    first = next(iter(known.values()))
    facts = {"score": first.score, "levels": list(first.levels), "n": first.n, "groups": first.groups}
    names = {seed: identity.ENSEMBLE if seed == TOGETHER else str(seed) for seed in known}
    return {**facts, "thresholds": {names[seed]: list(item.thresholds) for seed, item in known.items()}}


def _judge(trained: Mapping[int, Trained], part: str, bootstrap: Bootstrap, threshold: float) -> dict[str, Any]:
    """Return the metrics of a part: per seed, and of all seeds pooled with intervals over objects."""
    parts = parts_of(trained, part)
    first = next(iter(trained.values()))
    label, name = first.parts[part].label, first.parts[part].name
    if not present(label).any():
        raise EvaluationError(
            f"{name}: none of {len(label)} {part} objects has a label. Hint: use another split or label"
        )
    bootstrap = of_groups(bootstrap, trained, part)
    facts = {"objects": len(label), "groups": None if bootstrap.groups is None else len(np.unique(bootstrap.groups))}
    if first.run.task == REGRESSION:
        return {**facts, **judging.regression(parts, bootstrap, threshold)}
    for item in trained.values():
        if item.parts[part].prediction.classes is None:
            raise EvaluationError(
                f"{item.folder / PREDICTIONS}: no probabilities of classes found; expected them, since the task is"
                f" {item.run.task}. Hint: train with a loss for classification"
            )
    return {**facts, **judging.classification(parts, bootstrap)}
