"""What a paper takes from a page: the table in three forms, and the figure of all rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skybake.report import embedding, table_pdf, tables
from skybake.report.page_table import Table
from skybake.report.rows import Record
from skybake.report.tasks import task_of


def of(records: Sequence[Record], table: Table, best: str | None, forest: Path | None) -> list[tuple[str, str, str]]:
    """Return name, file and address of each.

    Args:
        records: Rows in their order.
        table: Of them, as the page shows it.
        best: Name of the chosen row.
        forest: The PDF of the figure, if it was drawn.
    """
    heads = [column.head for column in task_of(records).shown(records) if column.tex or column.name == "efficiency"]
    known = next((record for record in records if record["task"]), records[0])
    mock = "MOCK DATA (simulated objects). " if records[0]["mock"] else ""
    tested = "" if known["n_test"] is None else f", {known['n_test']:.0f} test objects"
    title = f"{mock}{known['dataset']}{tested}"
    found = [
        ("Table as CSV", "comparison.csv", tables.csv_text(records).encode(), "text/csv"),
        ("Table as TeX", "comparison.tex", tables.tex_text(records, best).encode(), "application/x-tex"),
        ("Table as PDF", "comparison.pdf", table_pdf.make(table, heads, title), "application/pdf"),
    ]
    if forest:
        found.append(("Figure as PDF", forest.name, forest.read_bytes(), "application/pdf"))
    return [(name, file, embedding.address(content, kind)) for name, file, content, kind in found]
