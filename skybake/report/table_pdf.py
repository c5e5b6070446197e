"""The comparison as a PDF, for those who write without LaTeX: vector letters on as many pages as it takes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Collection

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextToPath

from skybake.figures import METADATA, _style
from skybake.report.page_table import Line, Table

ROWS = 32  # of a page
LINE, ROW, MARGIN, GAP = 0.17, 0.31, 0.35, 0.22  # inches: a line of text, a row, around, between columns
SIZE, SMALL = 8, 6.3  # points
NOTE = 14  # characters to an inch of the notes
POINTS = 72.0  # of an inch


def make(table: Table, heads: Collection[str], title: str) -> bytes:
    """Return a table as a PDF; the same bytes for the same table.

    Args:
        table: As pages show it.
        heads: Headings of the columns of numbers that it has.
        title: Stands above.
    """
    columns = [place for place, head in enumerate(table.heads) if head.text in heads]
    said = ["Model", "Loss", *(table.heads[place].text for place in columns)]
    rows = [_texts(line, columns) for line in table.lines]
    widths = [
        GAP + max(_width(said[place], SIZE, bold=True), *(max(_width(*item) for item in row[place]) for row in rows))
        for place in range(len(said))
    ]
    long = max(int(NOTE * (sum(widths) - GAP)), 80)
    notes = [part for note in table.notes for part in textwrap.wrap(note, long)]
    wide = max(sum(widths) - GAP, _width(title, SIZE, bold=True), *(_width(note, SMALL) for note in notes))
    buffer = io.BytesIO()
    with _style.context(), PdfPages(buffer, metadata=METADATA[".pdf"]) as file:
        for start in range(0, max(len(rows), 1), ROWS):
            page = _Page(wide, len(rows[start : start + ROWS]), len(notes))
            page.say(0, 0, title if not start else f"{title}, from row {start + 1} on", SIZE, bold=True)
            page.rule(1.5 * LINE, sum(widths) - GAP, 1.0)
            _write(page, [[(text, SIZE, True)] for text in said], widths, 1.7 * LINE)
            page.rule(2.8 * LINE, sum(widths) - GAP, 0.5)
            top = 3.0 * LINE
            for number, row in enumerate(rows[start : start + ROWS], start=start):
                if number > start and _kind(table.lines[number]) != _kind(table.lines[number - 1]):
                    page.rule(top - 0.03, sum(widths) - GAP, 0.3)
                _write(page, row, widths, top)
                top += ROW
            page.rule(top, sum(widths) - GAP, 1.0)
            for note in notes:
                top += LINE
                page.say(0, top - 0.6 * LINE, note, SMALL)
            file.savefig(page.figure)
    return buffer.getvalue()


Text = tuple[str, float, bool]  # what is said, its size in points, whether it is bold


class _Page:
    """A page that is written on by inches from its upper left corner, inside its margin."""

    def __init__(self, wide: float, rows: int, notes: int):
        self.width, self.height = wide + 2 * MARGIN, 2 * MARGIN + LINE * (3.5 + notes) + ROW * rows
        self.figure = Figure(figsize=(self.width, self.height))

    def say(self, x: float, y: float, text: str, size: float, *, bold: bool = False, right: bool = False) -> None:
        place = (MARGIN + x) / self.width, 1 - (MARGIN + y) / self.height
        said = self.figure.text(*place, text, ha="right" if right else "left", va="top", parse_math=False)
        said.set_fontproperties(_font(size, bold=bold))

    def rule(self, y: float, long: float, points: float) -> None:
        ends, place = [MARGIN / self.width, (MARGIN + long) / self.width], 1 - (MARGIN + y) / self.height
        self.figure.add_artist(Line2D(ends, [place, place], color="black", lw=points))


def _write(page: _Page, cells: list[list[Text]], widths: list[float], top: float) -> None:
    """Write a row: names from the left, numbers to the right; what else a cell says stands under it."""
    left = 0.0
    for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        number = place > 1
        for line, (text, size, bold) in enumerate(cell):
            page.say(left + (width - GAP) * number, top + 0.8 * LINE * line, text, size, bold=bold, right=number)
        left += width


def _texts(line: Line, columns: list[int]) -> list[list[Text]]:
    marks = [said for said, there in (("chosen", line.best), ("tied", line.tied), ("baseline", line.baseline)) if there]
    marks += ["published"] * line.published + [line.status] * (line.status != "ok")
    under = ", ".join(filter(None, [line.letters, *marks]))
    strong = line.best or line.tied
    found: list[list[Text]] = [[(line.model, SIZE, strong), (under, SMALL, False)], [(line.loss, SIZE, False)]]
    for place in columns:
        cell = line.cells[place]
        found.append([(cell.text, SIZE, False), (cell.interval, SMALL, False)])
    return found


def _kind(line: Line) -> tuple[bool, bool]:
    return line.status != "ok", bool(line.baseline or line.published)


def _font(size: float, *, bold: bool) -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")


def _width(text: str, size: float, bold: bool = False) -> float:
    """Return how wide a text is [inches]."""
    wide, _, _ = TextToPath().get_text_width_height_descent(text, _font(size, bold=bold), ismath=False)
    return wide / POINTS
