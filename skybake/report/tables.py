"""The comparison as CSV and as a LaTeX table."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skybake.dataset import whole
from skybake.report.rows import BOOL_COLUMNS, COLUMNS, OK, TEXT_COLUMNS, Record

DIGITS = 8  # significant ones in the CSV

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
    with whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows([_field(record[name]) for name in COLUMNS] for record in records)


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
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path}: columns {rows.fieldnames} found, expected {list(COLUMNS)}. Hint: compare again")
        return [{name: _typed(name, text) for name, text in row.items()} for row in rows]


def _typed(name: str, text: str) -> Any:
    if name in TEXT_COLUMNS:
        return text or None
    if name in BOOL_COLUMNS:
        return text == "true"
    return float(text) if text else None


def decimals(records: Iterable[Mapping[str, Any]]) -> int:
    """Return how many decimals errors deserve: two digits of the typical half-width of their intervals."""
    halves = sorted(
        half for record in records if record["status"] == OK if (half := half_width(record, "std_error")) > 0
    )
    if not halves:
        return 3
    return min(max(1 - math.floor(math.log10(halves[len(halves) // 2])), 2), 6)


def half_width(record: Mapping[str, Any], name: str) -> float:
    """Return half the width of a value's interval."""
    return (record[f"{name}_high"] - record[f"{name}_low"]) / 2


def tied(record: Mapping[str, Any]) -> bool:
    """Tell whether a row's scatter is not shown to be larger than that of the network chosen on validation."""
    low = record["std_error_minus_best_low"]
    return low is not None and low <= 0


def write_tex(path: Path | str, records: Sequence[Mapping[str, Any]], best: str | None) -> None:
    """Write a ``booktabs`` table, to be read by ``\\input``.

    Args:
        path: File to write.
        records: Rows in their order.
        best: Name of the network chosen on validation, for the note.
    """
    with whole(path) as beside:
        beside.write_text("\n".join(_tex_lines(records, best)) + "\n", encoding="utf-8")


def escape(text: str) -> str:
    """Return the text with TeX's special characters made harmless."""
    return "".join(_TEX.get(character, character) for character in text)


def _tex_lines(records: Sequence[Mapping[str, Any]], best: str | None) -> Iterable[str]:
    first = records[0]
    places = decimals(records)
    yield r"% needs \usepackage{booktabs}"
    yield r"\begin{table*}"
    yield r"\centering\small\setlength{\tabcolsep}{4pt}"
    yield rf"\caption{{{_caption(records)}}}"
    yield rf"\label{{tab:{first['dataset']}}}"
    yield r"\begin{tabular}{llrrrrr}"
    yield r"\toprule"
    yield r"Model & Loss & Mean error & Std & NMAD & Outliers [\%] & Time [s] \\"
    yield r"\midrule"
    for place, record in enumerate(records):
        if place and (record["status"] != OK, record["baseline"]) != _group(records[place - 1]):
            yield r"\midrule"
        yield _tex_row(record, places)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\par\smallskip"
    yield rf"\begin{{minipage}}{{\linewidth}}\footnotesize {_note(records, best)}\end{{minipage}}"
    yield r"\end{table*}"


def _group(record: Mapping[str, Any]) -> tuple[bool, bool]:
    return record["status"] != OK, record["baseline"]


def _caption(records: Sequence[Mapping[str, Any]]) -> str:
    known = next((record for record in records if record["error"]), None)
    mock = "MOCK DATA (simulated objects). " if records[0]["mock"] else ""
    if known is None:
        return f"{mock}Comparison on {escape(records[0]['dataset'])}: no run has ended."
    units = f" [{escape(known['units'])}]" if known["units"] and "/" not in known["error"] else ""
    return (
        f"{mock}Comparison on {escape(known['dataset'])}, {known['n_test']:g} test objects."
        f" Label {escape(known['label'])}; errors are ${known['error'].replace('predicted', 'p').replace('true', 'y')}$"
        f" (predicted $p$, true $y$){units}, all seeds pooled."
    )


def _note(records: Sequence[Mapping[str, Any]], best: str | None) -> str:
    known = next((record for record in records if record["status"] == OK), None)
    if known is None or best is None:
        return "No run has ended."
    return (
        rf"$\pm$: half the {100 * known['interval_level']:g}\,\% bootstrap interval over objects."
        rf" Outliers: $|\mathrm{{error}}| > {known['outlier_threshold']:g}$. Time: one training, mean over seeds."
        " Bold: standard deviations that a paired bootstrap on the same objects does not show to be larger than that"
        f" of {escape(best)}, the choice on the validation part (lowest RMSE)."
        " Rows are in the order of validation RMSE, networks before baselines."
    )


def _tex_row(record: Mapping[str, Any], places: int) -> str:
    model = escape(record["model"])
    loss = "--" if record["baseline"] else escape(record["loss"])
    if record["status"] != OK:
        return rf"{model} & {loss} & \multicolumn{{5}}{{c}}{{{record['status']}}} \\"
    mean = rf"{record['mean_error']:+.{places}f} \pm {half_width(record, 'mean_error'):.{places}f}"
    std = rf"{record['std_error']:.{places}f} \pm {half_width(record, 'std_error'):.{places}f}"
    std = rf"\boldmath${std}$" if tied(record) else f"${std}$"
    seconds = "--" if record["train_seconds"] is None else f"{record['train_seconds']:.3g}"
    if "e" in seconds:
        seconds = f"{record['train_seconds']:.0f}"
    cells = [f"${mean}$", std, f"{record['nmad']:.{places}f}", f"{100 * record['outlier_fraction']:.1f}", seconds]
    return rf"{model} & {loss} & {' & '.join(cells)} \\"
