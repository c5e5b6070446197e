"""The page, the table and the figures of what changed since earlier results."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from skybake import figures
from skybake.evaluation.bootstrap import Bootstrap
from skybake.files import atomic_write
from skybake.report import page, states, tables
from skybake.report.names import Names
from skybake.report.numbers import brief, fixed, signed
from skybake.report.page_table import Cell
from skybake.report.states import BETTER, FAILED, GONE, NEW, NOT_APART, NOT_TOLD, SAME, WORSE, Changed, Number
from skybake.report.tasks import Task, task_of
from skybake.results import identity

COLUMNS = (
    *("since", *identity.AXES, "change", "metric", "before", "now", "difference", "low", "high", "p_value"),
    *("paired", "why_not_paired", "causes"),
)
CAUSES = 6  # that a line of the table tells; difference.csv has them all
# How often a row changed so, in the order of the sentence; one and many.
COUNTED = {
    BETTER: "better",
    WORSE: "worse",
    NOT_APART: "not told apart from before",
    NOT_TOLD: "without an interval",
    SAME: "the same, byte for byte",
    NEW: "new",
    GONE: "gone",
    FAILED: "not compared, since they failed before or now",
}
BADGES = {BETTER: "best", WORSE: "bad", FAILED: "bad"}


@dataclass(frozen=True)
class Line:
    """A row of the table: its names, what became of it, cells, and what else differs."""

    model: str
    loss: str
    kind: str
    badge: str
    cells: tuple[Cell, ...]
    unpaired: str
    causes: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class Section:
    """A dataset in two states.

    Attributes:
        dataset: As it is shown.
        anchor: Its id on the page.
        summary: How many rows changed, in words.
        heads: Of the table's numbers.
        lines: Of the rows.
        pictures: The figures.
    """

    dataset: str
    anchor: str
    summary: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    pictures: tuple[page.Picture, ...]


@dataclass(frozen=True)
class Since:
    """All datasets, since one state; ``gone`` are those that are no longer there, ``settings`` what the configs say."""

    results: str
    problem: str
    sections: tuple[Section, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    settings: tuple[tuple[str, ...], ...]


def write(
    now: Mapping[str, Any],
    earlier: Sequence[Mapping[str, Any]],
    *,
    html: Path,
    csv_file: Path,
    folder: Path,
    names: Mapping[str, Sequence[str]],
    title: str,
    statistics: Mapping[str, Any],
    display: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write what changed since earlier results.

    Args:
        now, earlier: What :mod:`skybake.config.states` tells of this bake-off, and of each of the others.
        html, csv_file: Files to write.
        folder: For figures.
        names: Dataset -> files of ``skybake/figures/`` with ``SCOPE = "difference"``.
        title: Heads the page.
        statistics: ``draws``, ``level`` and ``seed`` of the bootstrap.
        display: Names to show, by those of the config.

    Raises:
        ValueError: A table does not tell rows apart.
    """
    bootstrap = Bootstrap(**statistics)
    records: list[dict[str, Any]] = []
    told = []
    Path(folder).mkdir(parents=True, exist_ok=True)
    sides = {name: states.read(one) for name, one in now["datasets"].items()}
    for number, state in enumerate(earlier, start=1):
        sections = []
        for name, one in state["datasets"].items():
            if name not in sides:
                continue
            rows = states.compare(states.read(one), sides[name], bootstrap)
            records += [line for row in rows for line in _csv_lines(row, state["results"])]
            place = Path(folder) / str(number) / name
            data = _figure_data(rows, name, state["results"], bootstrap.level)
            figures.draw_all(names.get(name, ()), data, place)
            pictures = page.pictures(place, names.get(name, ()), Path(html))
            sections.append(_section(rows, name, f"{number}-{name}", pictures, Names(display)))
        told.append(
            Since(
                state["results"],
                state["problem"],
                tuple(sections),
                new=tuple(name for name in sides if name not in state["datasets"]),
                gone=tuple(name for name in state["datasets"] if name not in sides),
                settings=_settings(state["results"], now["results"]),
            )
        )
    _write_csv(csv_file, records)
    mock = any(record["mock"] for side in sides.values() for record in side.records)
    page.write(
        html,
        "difference.html.j2",
        title=f"{title}: what changed",
        mock=mock,
        warnings=[],
        states=told,
        level=f"{100 * bootstrap.level:g}",
        config_text=_config(now["results"]),
    )


def _section(
    rows: Sequence[Changed], dataset: str, anchor: str, pictures: tuple[page.Picture, ...], names: Names
) -> Section:
    records = [row.record for row in rows]
    task = task_of(records)
    words = identity.told_apart(records)
    lines = []
    for row, said in zip(rows, words, strict=True):
        record = row.record
        model = names.of(record["model"])
        lines.append(
            Line(
                identity.with_words(model, said) if record["baseline"] else model,
                "" if record["baseline"] else names.loss(record["loss"], said),
                row.kind,
                BADGES.get(row.kind, ""),
                _cells(row, records, task),
                row.unpaired,
                row.causes[:CAUSES],
                max(len(row.causes) - CAUSES, 0),
            )
        )
    compared = [task.column(name).head for name in task.compared]
    differences = (f"{head}: difference" for head in compared)
    return Section(
        dataset=names.dataset(dataset),
        anchor=anchor,
        summary=_summary(rows),
        heads=(f"{compared[0]} before", "now", *differences, "Training [s], before", "now"),
        lines=tuple(lines),
        pictures=pictures,
    )


def _cells(row: Changed, records: Sequence[Mapping[str, Any]], task: Task) -> tuple[Cell, ...]:
    main = row.numbers[task.main]
    places = tables.decimals(records, task.main)
    found = [_plain(main.before, fixed(main.before, places)), _plain(main.now, fixed(main.now, places))]
    for name in task.compared:
        found.append(_difference(row.numbers[name], tables.decimals(records, task.column(name).decimals_of or name)))
    seconds = row.numbers["train_seconds"]
    found += [_plain(seconds.before, brief(seconds.before)), _plain(seconds.now, brief(seconds.now))]
    return tuple(found)


def _plain(value: float | None, text: str) -> Cell:
    return Cell() if value is None else Cell(text, repr(value))


def _difference(number: Number, places: int) -> Cell:
    if number.difference is None:
        return Cell()
    span = (
        ""
        if number.low is None or number.high is None
        else f"{signed(number.low, places)} to {signed(number.high, places)}"
    )
    text = "0" if number.difference == 0 else signed(number.difference, places)
    return Cell(text, repr(number.difference), span)


def _summary(rows: Sequence[Changed]) -> str:
    counts = Counter(row.kind for row in rows)
    told = [f"{counts[kind]} {said}" for kind, said in COUNTED.items() if counts[kind]]
    return f"{len(rows)} rows: {', '.join(told)}."


def _figure_data(rows: Sequence[Changed], dataset: str, since: str, level: float) -> figures.Differences:
    records = [row.record for row in rows]
    task = task_of(records)
    words = identity.told_apart(records)
    shown = []
    for row, said in zip(rows, words, strict=True):
        if row.kind in (SAME, NEW, GONE, FAILED):
            continue
        record, number = row.record, row.numbers[task.main]
        loss = identity.with_words(record["loss"], said)
        name = identity.with_words(record["model"], said) if record["baseline"] else f"{record['model']}, {loss}"
        shown.append(
            {"name": name, "baseline": record["baseline"], "paired": row.paired}
            | {"difference": number.difference, "low": number.low, "high": number.high}
        )
    known = next((record for record in records if record["units"]), {"units": "", "error": ""})
    units = "" if task.main != "std_error" or "/" in (known["error"] or "") else known["units"] or ""
    mock = any(record["mock"] for record in records)
    return figures.Differences(dataset, since, task.main_one, units, mock, level, tuple(shown))


def _csv_lines(row: Changed, since: str) -> list[dict[str, Any]]:
    axes = {axis: row.record[axis] for axis in identity.AXES}
    shared = {"since": since, **axes, "change": row.kind, "paired": "true" if row.paired else "false"}
    shared |= {"why_not_paired": row.unpaired, "causes": "; ".join(row.causes)}
    return [
        {**shared, "metric": name}
        | {key: getattr(number, key) for key in ("before", "now", "difference", "low", "high", "p_value")}
        for name, number in row.numbers.items()
    ]


def _write_csv(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({name: _text(record[name]) for name in COLUMNS})


def _text(value: Any) -> Any:
    return f"{value:.{tables.DIGITS}g}" if isinstance(value, float) else value


def _settings(before: str, now: str) -> tuple[tuple[str, ...], ...]:
    """Return key, value before and value now of all that two merged configs have otherwise."""
    configs = [yaml.safe_load(_config(results)) or {} for results in (before, now)]
    for config in configs:
        for key in ("results", "title", "compare_with_results"):
            config.pop(key, None)
    before_it, now_it = configs
    return tuple(states.differing(before_it, now_it))


def _config(results: str) -> str:
    path = Path(results) / "config.yaml"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
