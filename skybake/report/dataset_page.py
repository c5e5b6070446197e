"""The page and the figures of the comparison of one dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from skybake import figures
from skybake.data import audit as audits
from skybake.data import limit as limits_of
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.evaluation import trained
from skybake.figures import JudgedRow, runs
from skybake.report import explorer, page
from skybake.report import published as publications
from skybake.report.comparison import read_comparison
from skybake.report.explorer import Explorer
from skybake.report.names import Names
from skybake.report.page_table import anchor
from skybake.report.rows import OK, Entry, Row, belongs
from skybake.report.tasks import task_of
from skybake.results import identity


@dataclass(frozen=True)
class Facts:
    """What the page says of the dataset.

    Attributes:
        dataset: Its file, opened.
        split: Part -> number of objects.
        strategy: How it was split.
        rejected: Reason -> number of raw objects that are not in the dataset.
        audit: What stands on both sides of the split, and warnings (:mod:`skybake.data.audit`).
    """

    dataset: Dataset
    split: Mapping[str, int]
    strategy: Mapping[str, Any]
    rejected: Mapping[str, int]
    audit: Mapping[str, Any]


def write_page(
    rows: Sequence[Row],
    *,
    chosen: Path,
    comparison: Path,
    verdict: Path,
    html: Path,
    folder: Path,
    names: Sequence[str],
    title: str,
    dataset: Path,
    split: Path,
    rejected: Path,
    audit: Path,
    config_text: str,
    told: Sequence[Mapping[str, Any]] = (),
    apply: Mapping[str, str] | None = None,
    published: Path | None = None,
    display: Mapping[str, str] = MappingProxyType({}),
    limit: Path | None = None,
) -> None:
    """Draw the figures of a comparison and write its page, which is self-contained.

    Args:
        rows: All rows of the dataset that the config asks for; those without metrics are shown as failed.
        chosen, comparison, verdict: ``chosen.json``, ``comparison.json`` and ``verdict.json`` of these rows.
        html: File to write.
        folder: For ``<name>.pdf`` and ``<name>.png``.
        names: Files of ``skybake/figures/`` with ``SCOPE = "comparison"``.
        title: Heads the page.
        dataset, split, rejected, audit: The dataset's files.
        config_text: The merged config, as YAML.
        told: Published rows, as :meth:`skybake.config.Plan.published` tells them.
        apply: How to apply the chosen network, as :meth:`skybake.config.Plan.how_to_apply` tells it.
        published: ``published.csv`` to write; none where it is not looked at.
        display: Names to show, by those of the config.
        limit: ``limit.json`` of a simulated dataset that has it.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    facts = _facts(dataset, split, rejected, audit)
    found = read_comparison(rows, chosen, comparison, verdict, mock=facts.dataset.mock)
    limits = found.limit["lines"] if found.limit else ()
    data = _figure_data(rows[0].dataset, found.entries, found.statistics.level, facts.dataset, limits, display)
    data = data if limit is None else _with_limit(data, limits_of.read(limit), facts.dataset)
    figures.draw_all(names, data, Path(folder))
    held = publications.hold(told, found.entries, found.statistics.level)
    if published is not None:
        publications.write_csv(published, held)
    page.write_comparison(
        html,
        title=title,
        entries=found.entries,
        best=found.best,
        pairs=found.pairs,
        p_values=found.p_values,
        reference=found.reference,
        verdict=found.verdict,
        facts=facts,
        figures=page.pictures(Path(folder), names, Path(html)),
        config_text=config_text,
        statistics=found.statistics,
        held=held,
        apply=None if found.best is None or found.best.row.baseline else apply,
        limit=found.limit,
        names=Names(display),
        explorer=_explorer(data, facts, found.entries, Names(display)),
    )


def _explorer(data: figures.Comparison, facts: Facts, entries: Sequence[Entry], names: Names) -> Explorer | None:
    ended = [entry for entry in entries if entry.status == OK]
    task = task_of(entry.record for entry in ended)
    rows = [entry.row for entry in ended]
    told = [names.row(row.model, row.loss, row.words, baseline=row.baseline) for row in rows]
    addresses = [(anchor(entry.record, entry.row.words), entry.row.inside) for entry in ended]
    return explorer.make(data, facts.dataset, (task.main, task.main_one), facts.audit, told, addresses)


def _facts(dataset: Path, split: Path, rejected: Path, audit: Path) -> Facts:
    opened = load_dataset(dataset)
    parts = splits.load(split, opened)
    sizes = {part: len(getattr(parts, part)) for part in splits.PARTS}
    with Path(rejected).open(newline="", encoding="utf-8") as stream:
        reasons = Counter(row["reason"] for row in DictReader(stream))
    return Facts(opened, sizes, parts.strategy, dict(reasons.most_common()), audits.read(audit))


def _figure_data(
    name: str,
    entries: Sequence[Entry],
    level: float,
    dataset: Dataset,
    limits: Sequence[Mapping[str, Any]],
    display: Mapping[str, str],
) -> figures.Comparison:
    ended = [entry for entry in entries if entry.status == OK]
    task = task_of(entry.record for entry in ended)

    def read(place: int, *, predictions: bool = True) -> JudgedRow | None:
        entry = ended[place]
        if not belongs(entry.row, dataset):
            return None
        found = trained.read(entry.row.runs, dataset, ("test",) if predictions else (), entry.row.prediction)
        return runs.judged_row(found, entry.metrics, predictions=predictions)

    known = ended[0].record if ended else {"label": "", "units": "", "error": "", "task": "regression"}
    return figures.Comparison(
        dataset=name,
        label=known["label"],
        units=known["units"],
        error=known["error"] or "",
        mock=dataset.mock,
        level=level,
        rows=_figure_rows(ended, display),
        sweeps=tuple(
            {"model": entry.row.model, "loss": entry.row.loss_said, **entry.sweep} for entry in entries if entry.sweep
        ),
        task=known["task"],
        choice=task.choice_name,
        limits=tuple(limits),
        read=read,
    )


def _with_limit(data: figures.Comparison, limit: limits_of.Limits, dataset: Dataset) -> figures.Comparison:
    """Add the limit of each object, and the labels of these, to what figures show."""
    place = {name: row for row, name in enumerate(dataset.ids)}
    rows = np.array([place.get(name, -1) for name in limit.ids])
    known = np.where(rows >= 0, dataset.labels[limit.label][rows], np.nan)
    return replace(data, limit=limit, limit_label=known)


def _figure_rows(entries: Sequence[Entry], display: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    scales = [_loss_scale(entry) for entry in entries]
    of_loss: dict[str, set[str]] = {}
    for entry, scale in zip(entries, scales, strict=True):
        of_loss.setdefault(entry.row.loss, set()).add(scale)
    return tuple(
        entry.record
        | {"model": display.get(entry.row.model, entry.row.model), "words": entry.row.words}
        | {"loss": identity.with_words(display.get(entry.row.loss, entry.row.loss), entry.row.words)}
        | {"loss_curve": f"{entry.row.loss}, {scale}" if len(of_loss[entry.row.loss]) > 1 else entry.row.loss}
        for entry, scale in zip(entries, scales, strict=True)
    )


def _loss_scale(entry: Entry) -> str:
    """Return what the units of a row's loss depend on beside the loss: the label's scale, a penalty on weights."""
    run = next(iter(entry.runs.values()))
    (unit,) = np.ravel(run.targets.get("std", 1.0))[:1]
    penalty = run.training.get("l2", 0)
    return (f"labels in units of {unit:.3g}" if unit != 1 else "labels as they are") + f", l2 {penalty:g}" * bool(
        penalty
    )
