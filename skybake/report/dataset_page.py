"""The page and the figures of the comparison of one dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skybake import figures
from skybake.data import audit as audits
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.report import page
from skybake.report import published as publications
from skybake.report.comparison import read_comparison
from skybake.report.rows import OK, Entry, Row


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
    published: Path | None = None,
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
        published: ``published.csv`` to write; none where it is not looked at.

    Raises:
        ValueError: There is no row, or rows of several datasets, or the chosen one is not among them.
    """
    facts = _facts(dataset, split, rejected, audit)
    found = read_comparison(rows, chosen, comparison, verdict, mock=facts.dataset.mock)
    data = _figure_data(rows[0].dataset, found.entries, found.statistics.level, mock=facts.dataset.mock)
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
        verdict=found.verdict,
        facts=facts,
        figures=page.pictures(Path(folder), names),
        config_text=config_text,
        statistics=found.statistics,
        held=held,
    )


def _facts(dataset: Path, split: Path, rejected: Path, audit: Path) -> Facts:
    opened = load_dataset(dataset)
    parts = splits.load(split, opened)
    sizes = {part: len(getattr(parts, part)) for part in splits.PARTS}
    with Path(rejected).open(newline="", encoding="utf-8") as stream:
        reasons = Counter(row["reason"] for row in DictReader(stream))
    return Facts(opened, sizes, parts.strategy, dict(reasons.most_common()), audits.read(audit))


def _figure_data(dataset: str, entries: Sequence[Entry], level: float, *, mock: bool) -> figures.Comparison:
    records = tuple(entry.record | {"loss": entry.row.loss_said} for entry in entries if entry.status == OK)
    known = records[0] if records else {"label": "", "units": "", "error": ""}
    return figures.Comparison(
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
