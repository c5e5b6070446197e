"""What is said on the terminal when a bake-off is done."""

from __future__ import annotations

import sys
from pathlib import Path

from skybake.config import Plan
from skybake.report import tables
from skybake.report.rows import OK
from skybake.report.tasks import task_of


def say(plan: Plan) -> None:
    """Print on stderr, for each dataset, how many rows are compared and which network was chosen on validation.

    Nothing is said where a comparison is missing, as after a target that is only a part of the bake-off.
    """
    pages = plan.pages()
    report = Path(plan.paths.results, "report.html")
    if not report.exists() or not all(Path(page["csv"]).exists() for page in pages):
        return
    for page in pages:
        records = tables.read_csv(Path(page["csv"]))
        ended = [record for record in records if record["status"] == OK]
        line = f"{page['dataset']}: {len(ended)} of {len(records)} rows compared"
        if ended:
            best, choice = ended[0], task_of(records).choice
            line += f"; chosen on validation: {best['model']}, {best['loss']} ({choice} {best[f'valid_{choice}']:.4g})"
        print(line, file=sys.stderr)
    print(f"The report: {report}", file=sys.stderr)
