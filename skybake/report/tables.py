"""The comparison as CSV and as a LaTeX table."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skybake.evaluation.bootstrap import FEWEST
from skybake.files import atomic_write
from skybake.report.rows import BOOL_COLUMNS, COLUMNS, LIMIT_COLUMNS, OK, TEXT_COLUMNS, Record
from skybake.report.tasks import BRIEF, PERCENT, SIGNED, TableColumn, Task, task_of
from skybake.results import identity

DIGITS = 8  # significant ones in the CSV
FEW = 6  # columns of numbers, beside which there is room for large letters and long names
LOSS_COLUMN = "p{2.7cm}"  # where a name is too long, names are broken into lines of this width
_BREAKABLE = re.compile(r"\\_|[+=-]")

_TEX = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def write_csv(path: Path | str, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as ``comparison.csv``, one row each; an empty field is a number that is not there."""
    with atomic_write(path) as beside:
        beside.write_text(csv_text(records), encoding="utf-8", newline="")


def csv_text(records: Iterable[Mapping[str, Any]]) -> str:
    """Return what :func:`write_csv` writes."""
    records = list(records)
    limited = any(record[name] is not None for record in records for name in LIMIT_COLUMNS)
    columns = (*COLUMNS, *LIMIT_COLUMNS) if limited else COLUMNS
    stream = io.StringIO(newline="")
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_field(record[name]) for name in columns] for record in records)
    return stream.getvalue()


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def read_csv(path: Path | str) -> list[Record]:
    """Read a ``comparison.csv`` with its types; numbers are floats.

    Raises:
        ValueError: Its columns are not those of this version.
    """
    with Path(path).open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        if tuple(rows.fieldnames or ()) not in (COLUMNS, (*COLUMNS, *LIMIT_COLUMNS)):
            raise ValueError(f"{path}: columns {rows.fieldnames} found, expected {list(COLUMNS)}. Hint: compare again")
        nothing = dict.fromkeys(LIMIT_COLUMNS)
        return [nothing | {name: _typed(name, text) for name, text in row.items()} for row in rows]


def read_csv_of_any_version(path: Path | str) -> list[Record]:
    """Read a ``comparison.csv`` that another version may have written: None in columns that it had not.

    Raises:
        ValueError: It does not tell the rows apart.
    """
    with Path(path).open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        lacking = [axis for axis in identity.AXES if axis not in (rows.fieldnames or ())]
        if lacking:
            raise ValueError(f"{path}: no column {lacking[0]!r} found; expected the columns {', '.join(identity.AXES)}")
        nothing = dict.fromkeys((*COLUMNS, *LIMIT_COLUMNS))
        return [nothing | {name: _typed(name, text) for name, text in row.items() if name in nothing} for row in rows]


def _typed(name: str, text: str) -> Any:
    if name in TEXT_COLUMNS:
        return text or None
    if name in BOOL_COLUMNS:
        return text == "true"
    return float(text) if text else None


def decimals(records: Iterable[Mapping[str, Any]], name: str) -> int:
    """Return how many decimals a column deserves: two digits of the typical half-width of its intervals."""
    halves = sorted(half for record in records if record["status"] == OK if (half := half_width(record, name)) > 0)
    if not halves:
        return 3
    return min(max(1 - math.floor(math.log10(halves[len(halves) // 2])), 2), 6)


def half_width(record: Mapping[str, Any], name: str) -> float:
    """Return half the width of a value's interval; 0 where it has none."""
    low, high = record.get(f"{name}_low"), record.get(f"{name}_high")
    return 0.0 if low is None or high is None else (high - low) / 2


def tied(record: Mapping[str, Any], task: Task) -> bool:
    """Tell whether a row is not shown to be worse than the network chosen on validation, corrected for all rows."""
    difference, p_value = record[task.minus_best], record[f"{task.minus_best}_p_value"]
    if difference is None:
        return False
    return difference <= 0 or p_value >= 1 - record["interval_level"]


def write_tex(path: Path | str, records: Sequence[Mapping[str, Any]], best: str | None) -> None:
    """Write a ``booktabs`` table, to be read by ``\\input``.

    Args:
        path: File to write.
        records: Rows in their order.
        best: Name of the network chosen on validation, for the note.
    """
    with atomic_write(path) as beside:
        beside.write_text(tex_text(records, best), encoding="utf-8")


def tex_text(records: Sequence[Mapping[str, Any]], best: str | None) -> str:
    """Return what :func:`write_tex` writes."""
    return "\n".join(_tex_lines(records, best)) + "\n"


def escape(text: str) -> str:
    """Return the text with TeX's special characters made harmless."""
    return "".join(_TEX.get(character, character) for character in text)


def _tex_lines(records: Sequence[Mapping[str, Any]], best: str | None) -> Iterable[str]:
    first, task = records[0], task_of(records)
    columns = [column for column in task.shown(records) if column.tex]
    places = {column.name: decimals(records, column.decimals_of or column.name) for column in columns}
    yield r"% needs \usepackage{booktabs}"
    yield r"\begin{table*}"
    yield rf"\centering{_tex_size(len(columns))}"
    yield rf"\caption{{{_caption(records)}}}"
    yield rf"\label{{tab:{first['dataset']}}}"
    named = list(zip(records, identity.told_apart(records), strict=True))
    wide = max(len(record["loss"]) + len(words) for record, words in named) > (26 if len(columns) <= FEW else 20)
    yield rf"\begin{{tabular}}{{@{{}}l{LOSS_COLUMN if wide else 'l'}{'r' * len(columns)}@{{}}}}"
    yield r"\toprule"
    yield rf"Model & Loss & {' & '.join(column.tex for column in columns)} \\"
    yield r"\midrule"
    for place, (record, words) in enumerate(named):
        if place and (record["status"] != OK, record["baseline"]) != _group(records[place - 1]):
            yield r"\midrule"
        column = "model" if record["baseline"] else "loss"  # a baseline has no loss
        said = {**record, column: identity.with_words(record[column], words)}
        yield _tex_row(said, task, columns, places, wide=wide)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\par\smallskip"
    yield rf"\begin{{minipage}}{{\linewidth}}\footnotesize {_note(records, best)}\end{{minipage}}"
    yield r"\end{table*}"


def _tex_size(columns: int) -> str:
    """Return the size of letters and gaps with which so many columns of numbers fit the width of a page."""
    return r"\small\setlength{\tabcolsep}{4pt}" if columns <= FEW else r"\footnotesize\setlength{\tabcolsep}{2pt}"


def _group(record: Mapping[str, Any]) -> tuple[bool, bool]:
    return record["status"] != OK, record["baseline"]


def _caption(records: Sequence[Mapping[str, Any]]) -> str:
    known = next((record for record in records if record["task"]), None)
    mock = "MOCK DATA (simulated objects). " if records[0]["mock"] else ""
    if known is None:
        return f"{mock}Comparison on {escape(records[0]['dataset'])}: no run has ended."
    start = f"{mock}Comparison on {escape(known['dataset'])}, {known['n_test']:g} test objects."
    if known["error"] is None:
        return f"{start} Classes of {escape(known['label'])}, all seeds pooled."
    units = f" [{escape(known['units'])}]" if known["units"] and "/" not in known["error"] else ""
    return (
        f"{start} Label {escape(known['label'])}; errors are"
        f" ${known['error'].replace('predicted', 'p').replace('true', 'y')}$"
        f" (predicted $p$, true $y$){units}, all seeds pooled."
    )


def drawn(record: Mapping[str, Any]) -> str:
    """Return what the bootstrap of a row draws, in words."""
    return f"{record['n_groups']:.0f} whole groups" if record["n_groups"] else "objects"


def _note(records: Sequence[Mapping[str, Any]], best: str | None) -> str:
    known = next((record for record in records if record["status"] == OK), None)
    if known is None or best is None:
        return "No run has ended."
    task = task_of(records)
    said = [
        "The test part has fewer than ten objects or groups: no intervals."
        if not has_intervals(known)
        else rf"$\pm$: half the {100 * known['interval_level']:g}\,\% bootstrap interval over {drawn(known)},"
        " seeds as trained."
    ]
    if known["outlier_threshold"] is not None:
        said.append(rf"Outliers: $|\mathrm{{error}}| > {known['outlier_threshold']:g}$.")
    if critical := pit_critical(records):
        said.append(
            "CRPS (in units of the label), NLL and PIT-KS are of predicted distributions; of calibrated ones"
            rf" {100 * known['interval_level']:g}\,\% have a PIT-KS below {critical}."
        )
    said += [
        "Time: one training, mean over seeds.",
        f"Bold: {task.main_name} that paired comparisons on the same objects do not show to be larger than that of"
        f" {escape(best)}, the choice on the validation part (lowest {task.choice_name}). {_letters_said(records)}",
        f"Rows are in the order of validation {task.choice_name}, networks before baselines.",
    ]
    return " ".join(said)


def _letters_said(records: Iterable[Mapping[str, Any]]) -> str:
    if not any(record["letters"] for record in records):
        return ""
    return "Rows that share a letter are not told apart (Holm's correction)."


def has_intervals(record: Mapping[str, Any]) -> bool:
    """Tell whether the test objects, or their groups, are so many that intervals are told."""
    return (record["n_groups"] or record["n_test"]) >= FEWEST


def pit_critical(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the PIT-KS that calibrated distributions stay below, in words; empty where none is told.

    Where objects come in groups, it depends on how alike the PIT values of a group are, in every row.
    """
    known = [record["pit_ks_critical"] for record in records if record["pit_ks_critical"] is not None]
    texts = [f"{value:.3f}" for value in (min(known), max(known))] if known else []
    return " to ".join(dict.fromkeys(texts)) + (", by row" if len(set(texts)) > 1 else "")


def _tex_row(
    record: Mapping[str, Any], task: Task, columns: Sequence[TableColumn], places: Mapping[str, int], *, wide: bool
) -> str:
    model = escape(record["model"])
    loss = "--" if record["baseline"] else escape(record["loss"])
    if wide and not record["baseline"]:
        loss = r"\raggedright " + _BREAKABLE.sub(r"\g<0>\\allowbreak{}", loss)
    if record["status"] != OK:
        return rf"{model} & {loss} & \multicolumn{{{len(columns)}}}{{c}}{{{record['status']}}} \\"
    cells = [_tex_cell(record, column, places[column.name], task) for column in columns]
    return rf"{model} & {loss} & {' & '.join(cells)} \\"


def _tex_cell(record: Mapping[str, Any], column: TableColumn, places: int, task: Task) -> str:
    value = record[column.name]
    if value is None:
        return "--"
    if column.form == PERCENT:
        return f"{100 * value:.1f}"
    if column.form == BRIEF:
        return f"{value:.0f}" if "e" in f"{value:.3g}" else f"{value:.3g}"
    text = f"{value:+.{places}f}" if column.form == SIGNED else f"{value:.{places}f}"
    half = half_width(record, column.name) if column.tex_interval else 0.0
    if half > 0:
        text = rf"{text} \pm {half:.{places}f}"
    if column.name == task.main and record["letters"]:
        text += rf"\,^{{\mathrm{{{record['letters']}}}}}"
    if column.name == task.main and tied(record, task):
        return rf"\boldmath${text}$"
    return f"${text}$" if column.tex_interval or value < 0 else text
