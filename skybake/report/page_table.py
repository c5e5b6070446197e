"""The tables of numbers on the HTML pages: how a number is written, what stands in a cell and under the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skybake.report import tables
from skybake.report.names import Names
from skybake.report.numbers import brief, fixed, signed
from skybake.report.published import Held
from skybake.report.rows import FAILED, OK, Record
from skybake.report.tasks import BRIEF, EFFICIENCY, GROUPS, PERCENT, SIGNED, TableColumn, task_of
from skybake.results import identity

NETWORK, BASELINE, PUBLISHED = "network", "baseline", "published"
PLAIN = Names()
OF_RATIOS = 3  # decimals that are enough


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
class Head:
    """The heading of a column of numbers: its text, its explanation, and the group it is shown and hidden with."""

    text: str
    said: str
    group: str


@dataclass(frozen=True)
class Line:
    """A line of the comparison table: its cells, and what is to be said of the row.

    Attributes:
        model, loss: As they are shown.
        codes: The same, as the config has them where that has other words; empty otherwise.
        point: Of a sweep: the chosen point.
        anchor: Id of the place on the page that tells more of the row; empty where there is none.
        best: It was chosen.
        tied: It is not told apart from the chosen one.
        on_cpu: It was trained on a CPU although a GPU was there: its times are not those of the others.
        letters: Rows that share one are not told apart; empty where nothing is compared.
        published: It is of a paper, and nothing of it was trained here.
    """

    model: str
    loss: str
    codes: tuple[str, str]
    point: str
    anchor: str
    status: str
    baseline: bool
    best: bool
    cells: tuple[Cell, ...]
    tied: bool = False
    on_cpu: bool = False
    letters: str = ""
    published: bool = False

    @property
    def kind(self) -> str:
        """What rows are filtered by: ``"network"``, ``"baseline"`` or ``"published"``."""
        return PUBLISHED if self.published else BASELINE if self.baseline else NETWORK


@dataclass(frozen=True)
class Table:
    """A comparison table.

    Attributes:
        heads: Of each numeric column.
        lines: In their order.
        notes: Under it.
    """

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of its columns, in their order."""
        return tuple(name for name in GROUPS if any(head.group == name for head in self.heads))

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """What its rows can be filtered by: key -> values, of those with several."""
        found = {
            "model": (line.model for line in self.lines),
            "loss": (line.loss for line in self.lines if line.loss),
            "kind": (line.kind for line in self.lines),
        }
        values = {key: tuple(dict.fromkeys(those)) for key, those in found.items()}
        return {key: those for key, those in values.items() if len(those) > 1}


def headline(record: Record, records: Sequence[Record]) -> str:
    """Return what is said of the chosen row first: its metrics in words."""
    words = task_of(records).headline.values()
    return ", ".join(f"{word} {text}" for word, text in zip(words, headline_cells(record, records), strict=True))


def headline_cells(record: Record | None, records: Sequence[Record]) -> tuple[str, ...]:
    """Return the numbers of the headline; empty ones where no row has ended."""
    columns = [task_of(records).column(name) for name in task_of(records).headline]
    return tuple(
        "" if record is None else _text(column, record[column.name], places_of(column, records)) for column in columns
    )


def places_of(column: TableColumn, records: Sequence[Mapping[str, Any]]) -> int:
    """Return how many decimals a column of these records has."""
    places = tables.decimals(records, column.decimals_of or column.name)
    return min(places, OF_RATIOS) if column is EFFICIENCY else places


def _text(column: TableColumn, value: float | None, places: int) -> str:
    if value is None:
        return ""
    if column.form == PERCENT:
        return brief(100 * value)
    if column.form == BRIEF:
        return brief(value)
    return signed(value, places) if column.form == SIGNED else fixed(value, places)


def anchor(record: Mapping[str, Any], words: str) -> str:
    """Return the id of a row on its page; ``words`` tell it from rows of the same model and loss."""
    return "-".join(["run", record["model"], record["loss"], *words.replace(",", "").split()])


def table(
    records: Sequence[Mapping[str, Any]], *, anchors: bool, held: Sequence[Held] = (), names: Names = PLAIN
) -> Table:
    """Return the comparison table of records that stand in their order.

    Args:
        records: Of one dataset.
        anchors: Whether the page has a place for each row to link to.
        held: Published numbers, which stand last.
        names: As they are shown.
    """
    task = task_of(records)
    columns = task_of(records).shown(records)
    places = {column.name: places_of(column, records) for column in columns}
    best = next((record for record in records if record["status"] == OK), None)
    lines = tuple(
        Line(
            model=identity.with_words(names.of(record["model"]), words if record["baseline"] else ""),
            loss="" if record["baseline"] else names.loss(record["loss"], words),
            codes=_codes(record["model"], "" if record["baseline"] else record["loss"], names),
            point=f"{record['point']}, of {record['points']:.0f} points" if (record["points"] or 0) > 1 else "",
            anchor=anchor(record, words) if anchors else "",
            status=record["status"],
            baseline=record["baseline"],
            best=record is best,
            tied=record is not best and record["status"] == OK and tables.tied(record, task),
            cells=tuple(_cell(record, column, places[column.name]) for column in columns),
            on_cpu=bool(record["gpu_not_used"]),
            letters=record["letters"] or "",
        )
        for record, words in zip(records, identity.told_apart(records), strict=True)
    )
    heads = tuple(Head(column.head, column.said, column.group) for column in columns)
    notes = _notes(records, best)
    if held:
        notes = (*notes, "Rows marked 'published' are numbers of papers; nothing of them was trained here.")
    return Table(heads, (*lines, *_published(held, columns, places, names)), notes)


def _codes(model: str, loss: str, names: Names) -> tuple[str, str]:
    """Return the names of the config, where nobody would guess them from those that are shown."""

    def letters(name: str) -> str:
        return "".join(filter(str.isalnum, name.casefold()))

    model, loss = (name if letters(names.of(name)) != letters(name) else "" for name in (model, loss))
    return model, loss


def _published(
    held: Sequence[Held], columns: Sequence[TableColumn], places: Mapping[str, int], names: Names
) -> tuple[Line, ...]:
    """Return a line for each published row."""
    rows: dict[tuple[str, str, str, str, str], dict[str, float]] = {}
    for item in held:
        key = (item.name, item.model, item.loss, item.training, item.source)
        rows.setdefault(key, {})[item.metric] = item.published

    def cell(column: TableColumn, value: float | None) -> Cell:
        return Cell() if value is None else Cell(_text(column, value, places[column.name]), repr(value))

    return tuple(
        Line(
            model=name or names.of(model),
            loss=names.of(loss) if loss else "",
            codes=_codes("" if name else model, loss, names),
            point="",
            anchor="",
            status=OK,
            baseline=False,
            best=False,
            cells=tuple(cell(column, values.get(column.name)) for column in columns),
            published=True,
        )
        for (name, model, loss, *_), values in rows.items()
    )


def _cell(record: Mapping[str, Any], column: TableColumn, places: int) -> Cell:
    value = record[column.name]
    if value is None:
        return Cell()
    low, high = record.get(f"{column.name}_low"), record.get(f"{column.name}_high")
    shown = low is not None and high is not None and column.form != PERCENT
    span = f"{_text(column, low, places)} to {_text(column, high, places)}" if shown else ""
    return Cell(_text(column, value, places), repr(value), span)


def _notes(records: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None) -> tuple[str, ...]:
    if best is None:
        return ("No run has ended.",)
    task = task_of(records)
    spread = "what another seed would change stands in the columns 'over seeds'"
    pooled = (
        f"Small numbers are {100 * best['interval_level']:g} % intervals over {tables.drawn(best)}; they hold"
        f" for the networks as trained: {spread}."
        if tables.has_intervals(best)
        else f"The test part has fewer than ten objects or groups, of which no interval is told; {spread}."
    )
    notes = [f"The label is {best['label']}. {_said_of_numbers(best)} {pooled}"]
    if critical := tables.pit_critical(records):
        notes.append(
            "CRPS, NLL, PIT-KS and coverage (labels inside the central 68 % interval) are of rows that predict a"
            f" distribution. Of calibrated ones {100 * best['interval_level']:g} % have a PIT-KS below {critical}."
        )
    for column, regions in (("conformal_coverage_95", "intervals"), ("set_coverage_95", "sets of classes")):
        if any(record[column] is not None for record in records):
            notes.append(
                f"Conformal {regions} are made as wide as the validation part asks for, so that they hold the truth of"
                " 95 % of new objects like it, whatever the network; their coverage is that of the test part."
            )
    notes.append(f"Rows stand in the order of validation {task.choice_name}, networks before baselines.")
    if any(record["letters"] for record in records):
        notes.append(
            f"Rows that share a letter are not told apart by their {task.main_name}: paired comparisons on the same"
            " objects, of all rows with the chosen one and of all others with one another, each corrected by Holm's"
            " method."
        )
    if any(record["prediction"] == identity.ENSEMBLE for record in records):
        notes.append(
            "An ensemble is the mean of what all seeds of its row predict: distributions as one mixture, probabilities"
            " of classes averaged. Its training time is the sum of theirs, its parameters are those of all, and each"
            " of them predicts every object; nothing is known of how ensembles of other seeds scatter."
        )
    if any(record["prediction"] == identity.DROPOUT for record in records):
        notes.append(
            "mc_dropout: the mean of what each network predicts in several passes with dropout, which was at work in"
            " its training, distributions as one mixture. Its training time is that of the network."
        )
    without = [f"{record['model']}, {record['loss']}" for record in records if record["without_dropout"]]
    if without:
        notes.append(f"No dropout in these networks, so no rows of mc_dropout: {'; '.join(dict.fromkeys(without))}.")
    if any((record["points"] or 0) > 1 for record in records):
        notes.append(
            f"Where values were swept, the row is the point with the lowest mean validation {task.choice_name}; the"
            " others were never tested. Its training time is of that point alone."
        )
    for reason in sorted({record["gpu_not_used"] for record in records if record["gpu_not_used"]}):
        notes.append(f"Rows marked 'GPU not used' were trained on a CPU although a GPU was there. {reason}")
    if any(record["status"] not in (OK, FAILED) for record in records):
        notes.append("Not finite: some predictions are not numbers, so no pooled value is given and no figure drawn.")
    return tuple(notes)


def _said_of_numbers(best: Mapping[str, Any]) -> str:
    if best["error"] is None:
        return "Its values are classes; numbers are of the test part, predictions of all seeds pooled."
    units = f" in {best['units']}" if best["units"] and "/" not in best["error"] else ""
    return (
        f"An error is {best['error']}{units}; numbers are of the test part, errors of all seeds pooled."
        f" An outlier has |error| > {best['outlier_threshold']:g}."
    )
