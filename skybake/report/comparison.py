"""Compares all models and losses on one dataset: tables, and paired differences from the network that is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import files
from skybake.data.dataset import Dataset
from skybake.evaluation import trained
from skybake.evaluation.bootstrap import Bootstrap, Paired, paired
from skybake.evaluation.trained import Trained
from skybake.metrics.probabilistic import mean
from skybake.metrics.regression import rmse, std_error
from skybake.report import tables
from skybake.report.choosing import chosen_entry
from skybake.report.rows import OK, Entry, Row, ordered, read
from skybake.report.tasks import CLASSIFICATION, REGRESSION, Task, task_of
from skybake.results import predictions, run_folder

ERRORS = {"std_error": std_error, "rmse": rmse}  # what of the errors is compared

Pairs = Mapping[str, Mapping[str, Paired]]  # row's name -> metric -> its difference from the chosen one


@dataclass(frozen=True)
class Comparison:
    """What is found when rows are compared.

    Attributes:
        entries: All rows in the order of the table, with the columns of the paired comparison.
        best: The one chosen on validation; None where nothing has ended.
        pairs: Of the other rows.
        statistics: How draws were made.
    """

    entries: Sequence[Entry]
    best: Entry | None
    pairs: Pairs
    statistics: Bootstrap


def compare(
    rows: Sequence[Row],
    *,
    chosen: Path,
    csv: Path,
    tex: Path,
    found: Path,
    dataset: Dataset,
    statistics: Mapping[str, Any],
) -> None:
    """Write the comparison of one dataset.

    Args:
        rows: All rows of the dataset that the config asks for; those without metrics are shown as failed.
        chosen: ``chosen.json``, which names the row that the others are compared with.
        csv, tex: Tables to write.
        found: ``comparison.json`` to write: what :func:`read_comparison` reads beside the rows.
        dataset: That all were trained on.
        statistics: ``draws``, ``level`` and ``seed`` of the bootstrap.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    entries = _entries(rows, mock=dataset.mock)
    best = chosen_entry(entries, chosen)
    pairs = _pairs(entries, best, dataset, Bootstrap(**statistics))
    records = [entry.record for entry in _with_pairs(entries, best, pairs)]
    tables.write_csv(csv, records)
    tables.write_tex(tex, records, best.row.name if best else None)
    differences = {name: {metric: asdict(pair) for metric, pair in of_row.items()} for name, of_row in pairs.items()}
    files.write_json(found, {"statistics": dict(statistics), "pairs": differences})


def read_comparison(rows: Sequence[Row], chosen: Path, found: Path, *, mock: bool) -> Comparison:
    """Read what :func:`compare` found of the same rows.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    entries = _entries(rows, mock=mock)
    best = chosen_entry(entries, chosen)
    known = files.read_json(found)
    pairs = {name: {metric: _pair(pair) for metric, pair in of_row.items()} for name, of_row in known["pairs"].items()}
    return Comparison(_with_pairs(entries, best, pairs), best, pairs, Bootstrap(**known["statistics"]))


def _pair(values: Mapping[str, float | None]) -> Paired:
    return Paired(**{name: float("nan") if value is None else value for name, value in values.items()})


def _entries(rows: Sequence[Row], *, mock: bool) -> list[Entry]:
    names = sorted({row.dataset for row in rows})
    if len(names) != 1:
        raise ValueError(f"rows of the datasets {names} found; expected one dataset")
    return ordered(read(row, mock=mock) for row in rows)


def _with_pairs(entries: Sequence[Entry], best: Entry | None, pairs: Pairs) -> list[Entry]:
    task = task_of(entry.record for entry in entries)
    return [_with_pair(entry, best, pairs, task) for entry in entries]


def _pairs(
    entries: Sequence[Entry], best: Entry | None, dataset: Dataset, bootstrap: Bootstrap
) -> dict[str, dict[str, Paired]]:
    """Compare every row that has ended with the best one, on the same test objects."""
    if best is None:
        return {}
    ended = [entry.row for entry in entries if entry.status == OK and _belongs(entry.row, dataset)]
    if best.row not in ended:
        return {}
    runs = {row.name: trained.read(row.runs, dataset) for row in ended}
    ids = {name: next(iter(seeds.values())).parts["test"].ids for name, seeds in runs.items()}
    same = {name: seeds for name, seeds in runs.items() if np.array_equal(ids[name], ids[best.row.name])}
    bootstrap = trained.of_groups(bootstrap, same[best.row.name], "test")
    if task_of([best.record]) is REGRESSION:
        return _paired_errors(same, best.row.name, bootstrap)
    return _paired_classes(same, best.row.name, bootstrap)


def _belongs(row: Row, dataset: Dataset) -> bool:
    """Tell whether a row was trained on the dataset: of an earlier one, a bake-off with failed jobs may have rows."""
    return all(predictions.belong(folder / run_folder.PREDICTIONS, dataset) for folder in row.runs.values())


def _paired_errors(
    runs: Mapping[str, Mapping[int, Trained]], best: str, bootstrap: Bootstrap
) -> dict[str, dict[str, Paired]]:
    errors = {name: trained.part_errors(seeds, "test") for name, seeds in runs.items()}
    reference = errors.pop(best)
    if not bootstrap.is_informative(reference.shape[1]):
        return {}
    return paired(errors, reference, ERRORS, bootstrap)


def _paired_classes(
    runs: Mapping[str, Mapping[int, Trained]], best: str, bootstrap: Bootstrap
) -> dict[str, dict[str, Paired]]:
    scores = {name: trained.part_class_scores(seeds, "test") for name, seeds in runs.items()}
    reference = scores.pop(best)
    if not bootstrap.is_informative(reference["accuracy"].shape[1]):
        return {}
    found: dict[str, dict[str, Paired]] = {name: {} for name in scores}
    for metric in CLASSIFICATION.compared:
        each = {name: values[metric] for name, values in scores.items()}
        for name, pair in paired(each, reference[metric], {metric: mean}, bootstrap).items():
            found[name] |= pair
    return found


def _with_pair(entry: Entry, best: Entry | None, pairs: Pairs, task: Task) -> Entry:
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
