"""Writes the HTML pages: each one file that needs no other, with no script, font or picture from elsewhere."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from skybake import discovery
from skybake.dataset import whole
from skybake.report import tables
from skybake.report.rows import FAILED, OK, Entry, Record, log_tail
from skybake.statistics import Paired

ILLUSTRATED = 40  # rows whose own figures are put into the page; with hundreds it would be too large to open
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Picture:
    """A figure inside a page.

    Attributes:
        title, caption: In words.
        source: The PNG as a data address.
    """

    title: str
    caption: str
    source: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What is read; empty where there is no number.
        key: What the column is sorted by; empty comes last.
        interval: What stands beside it, smaller.
    """

    text: str = ""
    key: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Line:
    """A line of the comparison table: its cells, and what is to be said of the row."""

    model: str
    loss: str
    anchor: str
    status: str
    baseline: bool
    best: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A comparison table.

    Attributes:
        heads: Heading and explanation of each numeric column.
        lines: In their order.
        notes: Under it.
    """

    heads: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Detail:
    """What a page unfolds of one row."""

    entry: Entry
    anchor: str
    places: int
    pictures: tuple[Picture, ...] = ()
    log: str = ""


def write_comparison(
    path: Path | str,
    *,
    title: str,
    entries: Sequence[Entry],
    best: Entry | None,
    pairs: Mapping[str, Mapping[str, Paired]],
    facts: Any,
    figures: Sequence[Picture],
    config_text: str,
    statistics: Any,
) -> None:
    """Write the page of one dataset; arguments as :func:`skybake.report.comparison.compare` makes them."""
    records = [entry.record for entry in entries]
    ended = [entry for entry in entries if entry.status != FAILED]
    _write(
        path,
        "comparison.html.j2",
        title=title,
        mock=facts.dataset.mock,
        dataset=entries[0].row.dataset,
        table=table(records, anchors=True),
        best=best,
        pairs=[(entry, pairs[entry.row.name]) for entry in entries if entry.row.name in pairs],
        places=tables.decimals(records),
        facts=facts,
        figures=figures,
        details=[
            Detail(entry, anchor(entry.record), tables.decimals(records), _run_pictures(entry) if few else ())
            for few, entry in ((place < ILLUSTRATED, entry) for place, entry in enumerate(ended))
        ],
        illustrated=ILLUSTRATED,
        failed=[
            Detail(entry, anchor(entry.record), 0, log=log_tail(entry.row))
            for entry in entries
            if entry.status == FAILED
        ],
        versions=_distinct(entries, "versions"),
        hardware=_distinct(entries, "hardware"),
        training_seconds=sum(item.get("train_seconds") or 0 for entry in entries for item in entry.timings.values()),
        config_text=config_text,
        statistics=statistics,
    )


def write_overview(
    path: Path | str, *, title: str, sections: Sequence[Mapping[str, Any]], mocks: Sequence[str], config_text: str
) -> None:
    """Write the page that joins datasets; arguments as :func:`skybake.report.overview.join` makes them."""
    _write(
        path, "overview.html.j2", title=title, mock=bool(mocks), sections=sections, mocks=mocks, config_text=config_text
    )


def _write(path: Path | str, template: str, **content: Any) -> None:
    room = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters |= {
        "fixed": fixed,
        "signed": signed,
        "brief": brief,
        "duration": duration,
        "breakable": breakable,
    }
    text = room.get_template(template).render(**content)
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def fixed(value: float | None, places: int) -> str:
    """Write a number with ``places`` decimals."""
    return "" if value is None else f"{value:.{places}f}".replace("-", MINUS)


def signed(value: float | None, places: int) -> str:
    """Write a number with its sign and ``places`` decimals."""
    return "" if value is None else f"{value:+.{places}f}".replace("-", MINUS)


def brief(value: float | None) -> str:
    """Write a number with three digits, or as a whole number from a thousand on."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def breakable(name: str) -> Markup:
    """Let a long name break after its underscores, on a narrow screen."""
    return Markup("_<wbr>").join(name.split("_"))


def duration(seconds: float) -> str:
    """Write seconds as a person would say them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def anchor(record: Mapping[str, Any]) -> str:
    """Return the id of a row on its page."""
    return f"run-{record['model']}-{record['loss']}"


def table(records: Sequence[Mapping[str, Any]], *, anchors: bool) -> Table:
    """Return the comparison table of records that stand in their order.

    Args:
        records: Of one dataset.
        anchors: Whether the page has a place for each row to link to.
    """
    places = tables.decimals(records)
    columns = _columns(records, places)
    best = next((record for record in records if record["status"] == OK), None)
    lines = tuple(
        Line(
            model=record["model"],
            loss=record["loss"],
            anchor=anchor(record) if anchors else "",
            status=record["status"],
            baseline=record["baseline"],
            best=record is best,
            cells=tuple(cell(record) for _, _, cell in columns),
        )
        for record in records
    )
    return Table(tuple((head, said) for head, said, _ in columns), lines, _notes(records, best))


def _columns(records: Sequence[Mapping[str, Any]], places: int) -> list[tuple[str, str, Any]]:
    """Return heading, explanation and record -> cell of every numeric column."""

    def error(name: str, write=fixed):
        def cell(record: Record) -> Cell:
            value = record[name]
            if value is None:
                return Cell()
            low, high = record.get(f"{name}_low"), record.get(f"{name}_high")
            span = "" if low is None else f"{write(low, places)} to {write(high, places)}"
            return Cell(write(value, places), repr(value), span)

        return cell

    def plain(name: str, factor: float = 1.0):
        def cell(record: Record) -> Cell:
            value = record[name]
            return Cell() if value is None else Cell(brief(factor * value), repr(value))

        return cell

    columns = [
        ("Mean error", "bias: mean of the errors of all seeds' test predictions", error("mean_error", signed)),
        ("Std", "standard deviation of the errors", error("std_error")),
        ("NMAD", "1.4826 times the median absolute deviation of the errors from their median", error("nmad")),
        ("Outliers [%]", "errors larger than the threshold named below", plain("outlier_fraction", 100)),
    ]
    if any(record["crps"] is not None for record in records):
        columns.append(("CRPS", "continuous ranked probability score", error("crps")))
    return [
        *columns,
        ("Training [s]", "one training, mean over seeds", plain("train_seconds")),
        ("Validation RMSE", "the choice is made by this, never by the test", error("valid_rmse")),
        ("RMSE", "root of the mean squared error", error("rmse")),
        ("Std over seeds", "sample standard deviation, over seeds, of the column Std", error("std_error_over_seeds")),
        ("Epoch [s]", "median epoch, mean over seeds", plain("epoch_seconds")),
        ("Objects/s", "when predicting, mean over seeds", plain("predict_objects_per_second")),
        ("Memory [MB]", "largest of the process that trained all seeds", plain("peak_memory_mb")),
        ("Parameters", "trainable ones", plain("parameters")),
        ("Seeds", "trainings", plain("seeds")),
        ("N", "test objects with a label", plain("n_test")),
    ]


def _notes(records: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None) -> tuple[str, ...]:
    if best is None:
        return ("No run has ended.",)
    units = f" in {best['units']}" if best["units"] and "/" not in best["error"] else ""
    notes = [
        f"The label is {best['label']}. An error is {best['error']}{units}; numbers are of the test part, errors of all"
        f" seeds pooled. Small numbers are {100 * best['interval_level']:g} % bootstrap intervals over objects."
        f" An outlier has |error| > {best['outlier_threshold']:g}.",
        "Rows stand in the order of validation RMSE, networks before baselines.",
    ]
    if any(record["status"] not in (OK, FAILED) for record in records):
        notes.append("Not finite: some predictions are not numbers, so no pooled value is given and no figure drawn.")
    return tuple(notes)


def _distinct(entries: Iterable[Entry], key: str) -> dict[str, list[str]]:
    """Return what runs say under ``key``: name -> all different values found."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        for run in entry.runs.values():
            for name, value in (run.get(key) or {}).items():
                found.setdefault(name, {})[str(value)] = None
    return {name: list(values) for name, values in sorted(found.items())}


def pictures(folder: Path, names: Iterable[str]) -> tuple[Picture, ...]:
    """Return the figures of these names that lie in a folder."""
    known = discovery.parts("figures", "draw")
    return tuple(
        Picture(known[name].constants["TITLE"], known[name].constants["CAPTION"], _address(folder / f"{name}.png"))
        for name in names
        if name in known and (folder / f"{name}.png").exists()
    )


def _run_pictures(entry: Entry) -> tuple[Picture, ...]:
    known = discovery.parts("figures", "draw")
    names = [
        name
        for name, part in known.items()
        if part.constants["SCOPE"] == "run"
        and not (entry.row.baseline and not part.constants.get("OF_BASELINES", True))
    ]
    return pictures(entry.row.figures, names)


def _address(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def relative(target: Path, page: Path) -> str:
    """Return the address of ``target`` as a page at ``page`` links to it."""
    return Path(os.path.relpath(target, Path(page).parent)).as_posix()
