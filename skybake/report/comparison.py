"""Compares all models and losses on one dataset: tables, and paired differences from the network that is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import files
from skybake.data import limit as limits_of
from skybake.data.dataset import Dataset
from skybake.data.limit import Limits
from skybake.evaluation import pairs as pairing
from skybake.evaluation import trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.limit import measure as measure_limit
from skybake.evaluation.pairs import Paired, Sampled
from skybake.evaluation.trained import Trained
from skybake.metrics import measuring
from skybake.metrics.probabilistic import mean
from skybake.report import tables, verdict
from skybake.report.choosing import chosen_entry
from skybake.report.rows import LIMIT_COLUMNS, OK, Entry, Row, belongs, ordered, read
from skybake.report.tasks import CLASSIFICATION, REGRESSION, Changed, Task, task_of
from skybake.results import identity

Pairs = Mapping[str, Mapping[str, Paired]]  # row's name -> metric -> its difference from the chosen one


@dataclass(frozen=True)
class Comparison:
    """What is found when rows are compared.

    Attributes:
        entries: All rows in the order of the table, with the columns of the paired comparison.
        best: The one chosen on validation; None where nothing has ended.
        pairs, p_values: Of the other rows, as of :class:`Pairing`.
        statistics: How draws were made.
        verdict: ``verdict.json``.
        reference: The row that ``compare_with`` names; None where it names none of this dataset.
        limit: What :func:`skybake.evaluation.limit.measure` tells; None of a dataset that has none.
    """

    entries: Sequence[Entry]
    best: Entry | None
    pairs: Pairs
    p_values: Mapping[str, Mapping[str, float]]
    statistics: Bootstrap
    verdict: Mapping[str, Any]
    reference: Entry | None = None
    limit: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Pairing:
    """What comparing rows on the same test objects gives.

    Attributes:
        pairs: Of every row but the chosen one.
        p_values: Row's name -> metric -> p value of its difference, corrected for all rows against the chosen one.
        letters: Row's name -> letters; rows that share one are not told apart.
        changes: Row's name -> name of a number -> its change against the reference in per cent, where it is paired.
        limit: What :func:`skybake.evaluation.limit.measure` tells; None of a dataset that has none.
    """

    pairs: Pairs = field(default_factory=dict)
    p_values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)
    changes: Pairs = field(default_factory=dict)
    limit: Mapping[str, Any] | None = None


def compare(
    rows: Sequence[Row],
    *,
    chosen: Path,
    csv: Path,
    tex: Path,
    found: Path,
    reached: Path,
    dataset: Dataset,
    statistics: Mapping[str, Any],
    reference: Mapping[str, str],
    limit: Path | None = None,
) -> None:
    """Write the comparison of one dataset.

    Args:
        rows: All rows of the dataset that the config asks for; those without metrics are shown as failed.
        chosen: ``chosen.json``, which names the row that the others are compared with.
        csv, tex: Tables to write.
        found: ``comparison.json`` to write: what :func:`read_comparison` reads beside the rows.
        reached: ``verdict.json`` to write.
        dataset: That all were trained on.
        statistics: ``draws``, ``level`` and ``seed`` of the bootstrap.
        reference: Axes of the row that ``compare_with`` names (:mod:`skybake.results.identity`); empty without one.
        limit: ``limit.json`` of a simulated dataset that has it.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    entries = _entries(rows, mock=dataset.mock)
    best, against = chosen_entry(entries, chosen), _reference(entries, reference)
    bootstrap = Bootstrap(**statistics)
    limits = None if limit is None else limits_of.read(limit)
    paired = _paired(entries, best, against, dataset, bootstrap, limits)
    records = [entry.record for entry in _with_columns(entries, best, against, paired)]
    tables.write_csv(csv, records)
    tables.write_tex(tex, records, best.row.name if best else None)
    told = {
        **{"pairs": _as_dicts(paired.pairs), "p_values": paired.p_values, "letters": paired.letters},
        **{"reference": dict(reference), "changes": _as_dicts(paired.changes)},
        **({} if paired.limit is None else {"limit": paired.limit}),
    }
    files.write_json(found, {"statistics": dict(statistics), **told})
    files.write_json(reached, verdict.reach(entries, best, paired.pairs, bootstrap.level))


def read_comparison(rows: Sequence[Row], chosen: Path, found: Path, reached: Path, *, mock: bool) -> Comparison:
    """Read what :func:`compare` found of the same rows.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    entries = _entries(rows, mock=mock)
    best = chosen_entry(entries, chosen)
    known = files.read_json(found)
    pairs, changes = (
        {name: {metric: _pair(pair) for metric, pair in of_row.items()} for name, of_row in known[key].items()}
        for key in ("pairs", "changes")
    )
    against = _reference(entries, known["reference"])
    paired = Pairing(pairs, known["p_values"], known["letters"], changes, known.get("limit"))
    return Comparison(
        entries=_with_columns(entries, best, against, paired),
        best=best,
        pairs=pairs,
        p_values=paired.p_values,
        statistics=Bootstrap(**known["statistics"]),
        verdict=files.read_json(reached),
        reference=against,
        limit=paired.limit,
    )


def _as_dicts(pairs: Pairs) -> dict[str, dict[str, Any]]:
    return {name: {metric: asdict(pair) for metric, pair in of_row.items()} for name, of_row in pairs.items()}


def _pair(values: Mapping[str, Any]) -> Paired:
    """Return what was written; numbers that JSON does not have are null there."""
    known: dict[str, Any] = {
        name: float("nan") if value is None and name != "seeds" else value for name, value in values.items()
    }
    return Paired(**known)


def _entries(rows: Sequence[Row], *, mock: bool) -> list[Entry]:
    names = sorted({row.dataset for row in rows})
    if len(names) != 1:
        raise ValueError(f"rows of the datasets {names} found; expected one dataset")
    return ordered(read(row, mock=mock) for row in rows)


def _reference(entries: Sequence[Entry], named: Mapping[str, str]) -> Entry | None:
    """Return the entry of the row with these axes; None where there are none."""
    return next((entry for entry in entries if identity.of(entry.row) == named), None)


def _with_columns(
    entries: Sequence[Entry], best: Entry | None, reference: Entry | None, paired: Pairing
) -> list[Entry]:
    task = task_of(entry.record for entry in entries)
    found = [_with_efficiency(_with_pair(entry, best, paired, task), paired) for entry in entries]
    return [_with_changes(entry, reference, paired, task) for entry in found] if reference else found


def _paired(
    entries: Sequence[Entry],
    best: Entry | None,
    reference: Entry | None,
    dataset: Dataset,
    bootstrap: Bootstrap,
    limits: Limits | None,
) -> Pairing:
    """Compare every row that has ended with the best one, and with one another, on the same test objects.

    The rows are compared with the reference too, if there is one.
    """
    if best is None:
        return Pairing()
    ended = [entry.row for entry in entries if entry.status == OK and belongs(entry.row, dataset)]
    if best.row not in ended:
        return Pairing()
    runs = {row.name: trained.read(row.runs, dataset, prediction=row.prediction) for row in ended}
    ids = {name: next(iter(seeds.values())).parts["test"].ids for name, seeds in runs.items()}
    same = [row for row in ended if np.array_equal(ids[row.name], ids[best.row.name])]
    bootstrap = trained.of_groups(bootstrap, runs[best.row.name], "test")
    told = (
        None
        if limits is None
        else measure_limit(limits, dataset, {row.name: runs[row.name] for row in same}, bootstrap)
    )
    if not bootstrap.is_informative(best.metrics["test"]["n"]):
        return Pairing(limit=told)
    task, name = task_of([best.record]), best.row.name
    outlier = best.record["outlier_threshold"]
    # A baseline that uses no seed is fitted once; a network that is trained once tells nothing of its scatter.
    found = {
        row.name: sampled(
            task, runs[row.name], bootstrap, seeded=not (row.baseline and len(row.seeds) == 1), outlier=outlier
        )
        for row in same
    }
    against = found[name]
    pairs = {
        other: {metric: pairing.compare(item, against[metric], bootstrap.level) for metric, item in of_row.items()}
        for other, of_row in found.items()
        if other != name
    }
    corrected = {metric: pairing.holm([pair[metric].p_value for pair in pairs.values()]) for metric in against}
    return Pairing(
        pairs,
        {other: {metric: values[place] for metric, values in corrected.items()} for place, other in enumerate(pairs)},
        pairing.groups({other: of_row[task.main] for other, of_row in found.items()}, name, bootstrap.level),
        _changes(found, reference, task, bootstrap.level),
        told,
    )


def _changes(
    found: Mapping[str, Mapping[str, Sampled]], reference: Entry | None, task: Task, level: float
) -> dict[str, dict[str, Paired]]:
    if reference is None or reference.row.name not in found:
        return {}

    def number(row: str, changed: Changed) -> Sampled:
        one = found[row][changed.column or changed.name]
        return replace(one, value=1 - one.value, draws=1 - one.draws) if changed.of == "rest" else one

    paired = [changed for changed in task.changed if changed.paired]
    against = {changed.name: number(reference.row.name, changed) for changed in paired}
    return {
        row: {changed.name: pairing.change(number(row, changed), against[changed.name], level) for changed in paired}
        for row in found
        if row != reference.row.name
    }


def sampled(
    task: Task, runs: Mapping[int, Trained], bootstrap: Bootstrap, *, seeded: bool, outlier: float
) -> dict[str, Sampled]:
    """Return metric -> what a row reaches on the test part, of those that the task is compared by.

    Args:
        task: Of the row.
        runs: Seed -> what was trained.
        bootstrap: How to draw.
        seeded: Whether another seed would give other errors.
        outlier: Size of error above which an object is an outlier.
    """
    if task is REGRESSION:
        statistics = measuring.of_errors(outlier)
        compared = {name: statistics[name] for name in task.compared}
        return pairing.sample(trained.part_errors(runs, "test"), compared, bootstrap, seeded=seeded)
    scores = trained.part_class_scores(runs, "test")
    found: dict[str, Sampled] = {}
    for metric in CLASSIFICATION.compared:
        found |= pairing.sample(scores[metric], {metric: mean}, bootstrap, seeded=seeded)
    return found


def _with_pair(entry: Entry, best: Entry | None, paired: Pairing, task: Task) -> Entry:
    """Return the entry with the columns of the paired comparison; the best differs from itself by nothing."""
    name = entry.row.name
    columns: dict[str, Any] = {"letters": paired.letters.get(name)}
    if entry is best:
        columns |= {f"{task.minus_best}{end}": 0.0 for end in ("", "_low", "_high")}
    elif name in paired.pairs:
        pair = paired.pairs[name][task.main]
        columns |= {
            task.minus_best: pair.difference,
            f"{task.minus_best}_low": pair.low,
            f"{task.minus_best}_high": pair.high,
            f"{task.minus_best}_objects_low": pair.objects_low,
            f"{task.minus_best}_objects_high": pair.objects_high,
            f"{task.minus_best}_p_value": paired.p_values[name][task.main],
            f"{task.main}_below_best": pair.below_zero,
        }
    return replace(entry, record=entry.record | columns)


def _with_efficiency(entry: Entry, paired: Pairing) -> Entry:
    told = (paired.limit or {"efficiency": {}})["efficiency"].get(entry.row.name, {})
    columns = {column: told.get(key) for column, key in zip(LIMIT_COLUMNS, ("value", "low", "high"), strict=True)}
    return replace(entry, record=entry.record | columns)


def _with_changes(entry: Entry, reference: Entry, paired: Pairing, task: Task) -> Entry:
    """Return the entry with its changes against the reference in per cent, and the intervals of those that have one."""
    columns: dict[str, Any] = {"reference": reference.row.name}
    for changed in task.changed:
        name, *ends = changed.columns
        columns[name] = changed.change(entry.record, reference.record)
        pair = paired.changes.get(entry.row.name, {}).get(changed.name)
        if ends and pair and np.isfinite(pair.high):
            columns |= dict(zip(ends, (pair.low, pair.high), strict=True))
    return replace(entry, record=entry.record | columns)
