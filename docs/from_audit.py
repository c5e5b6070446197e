"""Write ``docs/audit.md`` from ``docs/audit.yaml``: ``make docs``.

A row of the data file is one thing that a published study does, shows or wishes for, and what skybake does of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent
DATA, PAGE = FOLDER / "audit.yaml", FOLDER / "audit.md"
STUDIES = {
    "clusters": "Masses of galaxy clusters from X-ray images (Krippendorf et al. 2023, arXiv:2305.00016)",
    "losses": "Losses and metrics of astroNN (Leung & Bovy 2019, arXiv:1808.04428)",
    "stamps": "Stamps of moving objects (Connolly & Smotherman, astroML notebooks, chapter 9)",
    "photoz": "Redshifts from SDSS images (a study after Pasquet et al. 2019, arXiv:1806.06607)",
    "course": "A first course on CIFAR-10",
}
STATES = {
    "as published": "it does what the study does; where its form differs, the note says how",
    "better": "a fault or limit of the study is put right",
    "partly": "some of it; the note says what is left",
    "missing": "not built",
}
HEAD = """# Five published studies, item by item

This page is made from [audit.yaml](audit.yaml) by `make docs`. skybake is made to repeat five published studies. Of each
thing that they do, show or wish for, the page says what skybake does, and which test, config or file shows it. A test
proves that all of these are there.
"""


@dataclass(frozen=True)
class Row:
    """An item of a study.

    Attributes:
        study: Of ``STUDIES``.
        number: From 1 in each study.
        part: Of the study: data, loss, figure, ...
        what: The item.
        state: Of ``STATES``.
        evidence: Files from the root of the repository; after ``::`` what is in one: a test, with a word of its cases
            in brackets, a function, or a key or value of a config.
        note: What differs, or is left.
    """

    study: str
    number: int
    part: str
    what: str
    state: str
    evidence: tuple[str, ...] = ()
    note: str = ""


def rows() -> list[Row]:
    """Return the rows of the data file.

    Raises:
        ValueError: A row has a key, study or state that there is not.
    """
    found = []
    for place, given in enumerate(yaml.safe_load(DATA.read_text(encoding="utf-8")), 1):
        try:
            row = Row(**{**given, "evidence": tuple(given.get("evidence", ()))})
        except TypeError as error:
            raise ValueError(f"{DATA}: row {place}: {error}") from None
        for value, allowed in ((row.study, STUDIES), (row.state, STATES)):
            if value not in allowed:
                raise ValueError(f"{DATA}: row {place}: {value!r} found; expected one of {', '.join(allowed)}")
        found.append(row)
    return found


def page(items: list[Row]) -> str:
    """Return the page, as Markdown."""
    lines = [HEAD, *(f"- **{state}**: {meaning}" for state, meaning in STATES.items()), "", *_counts(items)]
    for study, title in STUDIES.items():
        lines += ["", f"## {study}", "", f"{title}.", "", "| # | part | item | state | shown by | |"]
        lines += ["|---|---|---|---|---|---|", *(_line(row) for row in items if row.study == study)]
    return "\n".join(lines) + "\n"


def _counts(items: list[Row]) -> Iterator[str]:
    yield f"| study | {' | '.join(STATES)} | all |"
    yield "|---" * (len(STATES) + 2) + "|"
    for study in (*STUDIES, ""):
        counts = Counter(row.state for row in items if study in ("", row.study))
        numbers = " | ".join(str(counts[state]) for state in STATES)
        yield f"| {f'[{study}](#{study})' if study else 'all'} | {numbers} | {counts.total()} |"


def _line(row: Row) -> str:
    shown = "<br>".join(_link(name) for name in row.evidence)
    what, note = (text.replace("|", "\\|") for text in (row.what, row.note))
    return f"| {row.number} | {row.part} | {what} | {row.state} | {shown} | {note} |"


def _link(name: str) -> str:
    path, _, inside = name.partition("::")
    file = Path(path).name
    text = inside if path.endswith(".py") and inside else f"{file}: {inside}" if inside else file
    return f"[`{text}`](../{path})"


if __name__ == "__main__":
    PAGE.write_text(page(rows()), encoding="utf-8")
