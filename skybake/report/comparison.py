"""Compares all models and losses on one dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import figures as drawings
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.evaluation import evaluate
from skybake.evaluation.bootstrap import Bootstrap, Paired, paired
from skybake.evaluation.evaluate import Trained
from skybake.metrics.probabilistic import mean
from skybake.metrics.regression import rmse, std_error
from skybake.report import page, tables
from skybake.report.choosing import chosen_entry
from skybake.report.rows import OK, Entry, Row, ordered, read
from skybake.report.tasks import CLASSIFICATION, REGRESSION, Task, task_of

ERRORS = {"std_error": std_error, "rmse": rmse}  # what of the errors is compared


@dataclass(frozen=True)
class Facts:
    """What the page says of the dataset.

    Attributes:
        dataset: Its file, opened.
        split: Part -> number of objects.
        strategy: How it was split.
        rejected: Reason -> number of raw objects that are not in the dataset.
    """

    dataset: Dataset
    split: Mapping[str, int]
    strategy: Mapping[str, Any]
    rejected: Mapping[str, int]


def compare(
    rows: Sequence[Row],
    *,
    chosen: Path,
    csv: Path,
    tex: Path,
    html: Path,
    figures: Path,
    figure_names: Sequence[str],
    title: str,
    dataset: Path,
    split: Path,
    rejected: Path,
    config_text: str,
    statistics: Mapping[str, Any],
) -> None:
    """Write the comparison of one dataset: tables, figures and one self-contained page.

    Args:
        rows: All rows of the dataset that the config asks for; those without metrics are shown as failed.
        chosen: ``chosen.json``, which names the row that the others are compared with.
        csv, tex, html: Files to write.
        figures: Folder for ``<name>.pdf`` and ``<name>.png``.
        figure_names: Files of ``skybake/figures/`` with ``SCOPE = "comparison"``.
        title: Heads the page.
        dataset, split, rejected: The dataset's files.
        config_text: The merged config, as YAML.
        statistics: ``draws``, ``level`` and ``seed`` of the bootstrap.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    names = sorted({row.dataset for row in rows})
    if len(names) != 1:
        raise ValueError(f"rows of the datasets {names} found; expected one dataset")
    facts = _facts(dataset, split, rejected)
    entries = ordered(read(row, mock=facts.dataset.mock) for row in rows)
    best = chosen_entry(entries, chosen)
    pairs = _pairs(entries, best, Bootstrap(**statistics))
    task = task_of(entry.record for entry in entries)
    entries = [_with_pair(entry, best, pairs, task) for entry in entries]
    records = [entry.record for entry in entries]
    tables.write_csv(csv, records)
    tables.write_tex(tex, records, best.row.name if best else None)
    Path(figures).mkdir(parents=True, exist_ok=True)
    data = _figure_data(names[0], entries, Bootstrap(**statistics).level, mock=facts.dataset.mock)
    for name in figure_names:
        if drawings.can_draw(name, data):
            drawings.draw(name, data, Path(figures))
    page.write_comparison(
        html,
        title=title,
        entries=entries,
        best=best,
        pairs=pairs,
        facts=facts,
        figures=page.pictures(Path(figures), figure_names),
        config_text=config_text,
        statistics=Bootstrap(**statistics),
    )


def _facts(dataset: Path, split: Path, rejected: Path) -> Facts:
    opened = load_dataset(dataset)
    parts = splits.load(split, opened)
    sizes = {part: len(getattr(parts, part)) for part in splits.PARTS}
    with Path(rejected).open(newline="", encoding="utf-8") as stream:
        reasons = Counter(row["reason"] for row in DictReader(stream))
    return Facts(opened, sizes, parts.strategy, dict(reasons.most_common()))


def _pairs(entries: Sequence[Entry], best: Entry | None, bootstrap: Bootstrap) -> dict[str, dict[str, Paired]]:
    """Compare every row that has ended with the best one, on the same test objects."""
    if best is None:
        return {}
    trained = {entry.row.name: evaluate.read(entry.row.runs) for entry in entries if entry.status == OK}
    ids = {name: next(iter(seeds.values())).parts["test"].ids for name, seeds in trained.items()}
    same = {name: seeds for name, seeds in trained.items() if np.array_equal(ids[name], ids[best.row.name])}
    bootstrap = evaluate.of_groups(bootstrap, same[best.row.name], "test")
    if not bootstrap.tells:
        return {}
    if task_of([best.record]) is REGRESSION:
        return _paired_errors(same, best.row.name, bootstrap)
    return _paired_classes(same, best.row.name, bootstrap)


def _paired_errors(
    trained: Mapping[str, Mapping[int, Trained]], best: str, bootstrap: Bootstrap
) -> dict[str, dict[str, Paired]]:
    errors = {name: evaluate.part_errors(seeds, "test") for name, seeds in trained.items()}
    reference = errors.pop(best)
    return paired(errors, reference, ERRORS, bootstrap)


def _paired_classes(
    trained: Mapping[str, Mapping[int, Trained]], best: str, bootstrap: Bootstrap
) -> dict[str, dict[str, Paired]]:
    scores = {name: evaluate.part_class_scores(seeds, "test") for name, seeds in trained.items()}
    reference = scores.pop(best)
    found: dict[str, dict[str, Paired]] = {name: {} for name in scores}
    for metric in CLASSIFICATION.compared:
        each = {name: values[metric] for name, values in scores.items()}
        for name, pair in paired(each, reference[metric], {metric: mean}, bootstrap).items():
            found[name] |= pair
    return found


def _with_pair(entry: Entry, best: Entry | None, pairs: Mapping[str, Mapping[str, Paired]], task: Task) -> Entry:
    """Return the entry with the columns of the paired comparison; the best differs from itself by nothing."""
    if entry is best:
        columns = {f"{task.minus_best}{end}": 0.0 for end in ("", "_low", "_high")}
    elif entry.row.name in pairs:
        pair = pairs[entry.row.name][task.main]
        columns = {
            task.minus_best: pair.difference,
            f"{task.minus_best}_low": pair.low,
            f"{task.minus_best}_high": pair.high,
            f"{task.main}_below_best": pair.below_zero,
        }
    else:
        return entry
    return replace(entry, record=entry.record | columns)


def _figure_data(dataset: str, entries: Sequence[Entry], level: float, *, mock: bool) -> drawings.Comparison:
    records = tuple(entry.record | {"loss": entry.row.loss_said} for entry in entries if entry.status == OK)
    known = records[0] if records else {"label": "", "units": "", "error": ""}
    return drawings.Comparison(
        dataset=dataset,
        label=known["label"],
        units=known["units"],
        error=known["error"] or "",
        mock=mock,
        level=level,
        rows=records,
        sweeps=tuple(
            {"model": entry.row.model, "loss": entry.row.loss_said, **entry.sweep} for entry in entries if entry.sweep
        ),
    )
