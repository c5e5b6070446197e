"""Joins the comparisons of all datasets of a bake-off in one table and one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skybake import plugins
from skybake.data import audit
from skybake.files import read_json
from skybake.report import page, page_table, tables
from skybake.report.rows import FAILED, OK, Record
from skybake.report.tasks import TASKS, task_of
from skybake.results import identity


@dataclass(frozen=True)
class Page:
    """What the comparison of one dataset has left.

    Attributes:
        dataset: Its name.
        csv, verdict, html: ``comparison.csv``, ``verdict.json`` and ``report.html``.
        figures: Folder of its comparison figures.
        audit: ``audit-<seed>.json``, whose warnings are shown first; None where it is not looked at.
    """

    dataset: str
    csv: Path
    verdict: Path
    html: Path
    figures: Path
    audit: Path | None = None


def pages_of(
    datasets: Sequence[str],
    *,
    csv: Sequence[str],
    verdict: Sequence[str],
    html: Sequence[str],
    figures: Sequence[str],
    audits: Sequence[str] = (),
) -> list[Page]:
    """Return the pages of datasets, of files that stand in the same order."""
    lists = (csv, verdict, html, figures, *([audits] if audits else []))
    return [Page(name, *map(Path, files)) for name, *files in zip(datasets, *lists, strict=True)]


def join(pages: Sequence[Page], *, csv: Path, html: Path, title: str, config_text: str) -> None:
    """Write the table and the page of all datasets.

    Args:
        pages: One for each dataset, in their order.
        csv, html: Files to write.
        title: Heads the page.
        config_text: The merged config, as YAML.

    Raises:
        ValueError: There is no dataset, or a table has other columns.
    """
    if not pages:
        raise ValueError("no dataset to join; expected at least one")
    records = {item.dataset: tables.read_csv(item.csv) for item in pages}
    tables.write_csv(csv, [record for rows in records.values() for record in rows])
    names = [name for name, part in plugins.figures().items() if part.constants["SCOPE"] == "comparison"]
    sections = [
        {
            "dataset": item.dataset,
            "address": page.relative(item.html, html),
            "mock": any(record["mock"] for record in records[item.dataset]),
            "best": _best(records[item.dataset]),
            "task": task_of(records[item.dataset]),
            "numbers": page_table.headline_cells(_best(records[item.dataset]), records[item.dataset]),
            "failed": sum(record["status"] == FAILED for record in records[item.dataset]),
            "said": _said(records[item.dataset]),
            "verdict": read_json(item.verdict),
            "table": page_table.table(records[item.dataset], anchors=False),
            "figures": page.pictures(item.figures, names),
        }
        for item in pages
    ]
    page.write_overview(
        html,
        title=title,
        sections=sections,
        tasks=[task for task in TASKS.values() if any(section["task"] is task for section in sections)],
        warnings=[
            f"{item.dataset}: {said}" for item in pages if item.audit for said in audit.read(item.audit)["warnings"]
        ],
        mocks=[section["dataset"] for section in sections if section["mock"]],
        config_text=config_text,
    )


def _said(records: Sequence[Record]) -> str:
    """Return the name of the chosen row; empty where no row has ended."""
    best = _best(records)
    if best is None:
        return ""
    words = identity.told_apart(records)[records.index(best)]
    return identity.with_words(best["model"] if best["baseline"] else f"{best['model']}, {best['loss']}", words)


def _best(records: Sequence[Record]) -> Record | None:
    """Return the chosen row: the first one, in the order of a comparison, if it has ended."""
    return next((record for record in records if record["status"] == OK), None)
