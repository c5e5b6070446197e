"""The table of a comparison as a PDF."""

import re
import zlib
from dataclasses import replace

from skybake.report import page_table, table_pdf, tables


def letters(pdf: bytes) -> bytes:
    """Return what its pages write: they are compressed."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"".join(zlib.decompress(part) for part in found if part[:1] == b"x")


def test_it_has_all_rows_on_as_many_pages_as_it_takes_and_the_same_bytes(out):
    table = page_table.table(tables.read_csv(out / "comparison.csv"), anchors=False)
    one = table_pdf.make(table, {"Std", "Mean error"}, "Masses")
    assert one == table_pdf.make(table, {"Std", "Mean error"}, "Masses")
    many = replace(table, lines=table.lines * 12)
    pages = -(-len(many.lines) // table_pdf.ROWS)
    assert pages > 2
    assert len(re.findall(rb"/Type /Page\b(?!s)", table_pdf.make(many, {"Std"}, "Masses"))) == pages
    assert letters(one).count(b"Tj") + letters(one).count(b"TJ") > 4 * len(table.lines)
