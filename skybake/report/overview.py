"""Joins the comparisons of all datasets of a bake-off in one table and one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from skybake.data import audit
from skybake.files import read_json
from skybake.report import page, page_table, tables, verdict
from skybake.report.names import Names
from skybake.report.numbers import fixed, signed
from skybake.report.rows import FAILED, OK, Record
from skybake.report.tasks import TASKS, Task, task_of
from skybake.results import identity


@dataclass(frozen=True)
class Page:
    """What the comparison of one dataset has left.

    Attributes:
        dataset: Its name.
        csv, verdict, html: ``comparison.csv``, ``verdict.json`` and ``report.html``.
        figures: Folder of its comparison figures.
        audit: ``audit-<seed>.json``, whose warnings are shown first; None where it is not looked at.
        found: ``comparison.json``, which tells the limit; None where it is not looked at.
    """

    dataset: str
    csv: Path
    verdict: Path
    html: Path
    figures: Path
    audit: Path | None = None
    found: Path | None = None


def pages_of(
    datasets: Sequence[str],
    *,
    csv: Sequence[str],
    verdict: Sequence[str],
    html: Sequence[str],
    figures: Sequence[str],
    audits: Sequence[str] = (),
    found: Sequence[str] = (),
) -> list[Page]:
    """Return the pages of datasets, of files that stand in the same order."""
    lists = {"csv": csv, "verdict": verdict, "html": html, "figures": figures, "audit": audits, "found": found}
    given = {key: files for key, files in lists.items() if files}
    return [
        Page(name, **dict(zip(given, map(Path, files), strict=True)))
        for name, *files in zip(datasets, *given.values(), strict=True)
    ]


def join(
    pages: Sequence[Page],
    *,
    csv: Path,
    html: Path,
    title: str,
    config_text: str,
    display: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the table and the page of all datasets.

    Args:
        pages: One for each dataset, in their order.
        csv, html: Files to write.
        title: Heads the page.
        config_text: The merged config, as YAML.
        display: Names to show, by those of the config.

    Raises:
        ValueError: There is no dataset, or a table has other columns.
    """
    if not pages:
        raise ValueError("no dataset to join; expected at least one")
    records = {item.dataset: tables.read_csv(item.csv) for item in pages}
    tables.write_csv(csv, [record for rows in records.values() for record in rows])
    names = Names(display)
    sections = [_section(item, records[item.dataset], html, names) for item in pages]
    page.write_overview(
        html,
        title=title,
        sections=sections,
        tasks=[task for task in TASKS.values() if any(section.task is task for section in sections)],
        warnings=[
            f"{item.dataset}: {said}" for item in pages if item.audit for said in audit.read(item.audit)["warnings"]
        ],
        mocks=[section.shown for section in sections if section.mock],
        config_text=config_text,
    )


@dataclass(frozen=True)
class Section:
    """What is told of one dataset beside others.

    Attributes:
        dataset, shown: Its name, and as it is shown.
        address: Of its page.
        mock: Whether its objects are simulated.
        task: Of its label.
        best: Name of the chosen row; empty where none has ended.
        headline: What that reaches on the test part.
        verdict: ``verdict.json``, its sentence with the names that are shown.
        cells: Of the chosen row and of the best baseline: what rows are told apart by; then the difference, the limit,
            and the efficiency.
        objects: Test objects with a label; None where no row has ended.
        failed: Number of rows without a result.
        table: All rows.
        forest: The figure of all rows, if it was drawn.
    """

    dataset: str
    shown: str
    address: str
    mock: bool
    task: Task
    best: str
    headline: str
    verdict: Mapping[str, Any]
    cells: tuple[page_table.Cell, ...]
    objects: float | None
    failed: int
    table: page_table.Table
    forest: tuple[page.Picture, ...]


def _section(item: Page, records: Sequence[Record], html: Path, names: Names) -> Section:
    task, best = task_of(records), _best(records)
    found = read_json(item.verdict)
    if found["verdict"]:
        rows = (_said(one, records, names) for one in (best, _baseline(records)))
        found["sentence"] = verdict.in_words(found, records, *rows)
    return Section(
        dataset=item.dataset,
        shown=names.dataset(item.dataset),
        address=page.relative(item.html, html),
        mock=any(record["mock"] for record in records),
        task=task,
        best=_said(best, records, names),
        headline=page_table.headline(best, records) if best else "",
        verdict=found,
        cells=_cells(records, task, found, item.found),
        objects=best["n_test"] if best else None,
        failed=sum(record["status"] == FAILED for record in records),
        table=page_table.table(records, anchors=False, names=names),
        forest=page.pictures(item.figures, [page.FOREST], html),
    )


def _cells(
    records: Sequence[Record], task: Task, found: Mapping[str, Any], comparison: Path | None
) -> tuple[page_table.Cell, ...]:
    """Return what the chosen row and the best baseline reach, their difference, the limit and the efficiency."""
    places = tables.decimals(records, task.main)
    best, baseline = _best(records), _baseline(records)
    rows = [_cell(row, task.main, places) if row else page_table.Cell() for row in (best, baseline)]
    difference = page_table.Cell()
    if found["verdict"]:
        ends = (signed(found[end], places) for end in ("low", "high"))
        difference = page_table.Cell(signed(found["difference"], places), repr(found["difference"]), " to ".join(ends))
    limit = page_table.Cell()
    known = read_json(comparison).get("limit") if comparison else None
    if known and task.main in known["lines"][0]["values"]:
        value = known["lines"][0]["values"][task.main]["value"]
        limit = page_table.Cell(fixed(value, places), repr(value))
    return (*rows, difference, limit, _cell(best, "efficiency", 2) if best else page_table.Cell())


def _cell(record: Record, column: str, places: int) -> page_table.Cell:
    value, low, high = (record.get(f"{column}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return page_table.Cell()
    span = "" if low is None or high is None else f"{fixed(low, places)} to {fixed(high, places)}"
    return page_table.Cell(fixed(value, places), repr(value), span)


def _said(record: Record | None, records: Sequence[Record], names: Names) -> str:
    """Return the name of a row; empty where there is none."""
    if record is None:
        return ""
    words = identity.told_apart(records)[records.index(record)]
    return names.row(record["model"], record["loss"], words, baseline=record["baseline"])


def _baseline(records: Sequence[Record]) -> Record | None:
    """Return the baseline that is best on the validation part."""
    return next((record for record in records if record["baseline"] and record["status"] == OK), None)


def _best(records: Sequence[Record]) -> Record | None:
    """Return the chosen row: the first one, in the order of a comparison, if it has ended."""
    return next((record for record in records if record["status"] == OK), None)
