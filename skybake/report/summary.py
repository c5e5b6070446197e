"""What is said on the terminal when a bake-off is done."""

from __future__ import annotations

import sys
from pathlib import Path

from skybake.config.paths import APPLIED
from skybake.config.plan import Plan
from skybake.data import audit
from skybake.report import tables
from skybake.report.rows import OK
from skybake.report.tasks import task_of
from skybake.results import identity


def needed(plan: Plan) -> list[str]:
    """Return the results that are told of: the table of every dataset, and the report."""
    audits = map(plan.audit, plan.datasets())
    return [*plan.compared("comparison.csv"), *audits, f"{plan.paths.results}/report.html"]


def say(plan: Plan) -> None:
    """Print on stderr, for each dataset, how many rows are compared, which network was chosen, and what to beware of.

    Nothing is said where a comparison is missing, as after a target that is only a part of the bake-off.
    """
    files = [Path(path) for path in needed(plan)]
    if not all(path.exists() for path in files):
        return
    for dataset, file in zip(plan.datasets(), files, strict=False):
        records = tables.read_csv(file)
        ended = [record for record in records if record["status"] == OK]
        line = f"{dataset}: {len(ended)} of {len(records)} rows compared"
        if ended:
            best, choice = ended[0], task_of(records).choice
            loss = identity.with_words(best["loss"], identity.told_apart(records)[records.index(best)])
            line += f"; chosen on validation: {best['model']}, {loss} ({choice} {best[f'valid_{choice}']:.4g})"
        print(
            line, *map("  warning: {}".format, audit.read(plan.audit(dataset))["warnings"]), sep="\n", file=sys.stderr
        )
    results = plan.config.results.rstrip("/")
    print(f"The report: {results}/report.html", file=sys.stderr)
    pages = [f"{results}/{APPLIED}/{name}/report.html" for name in plan.applications]
    said = ", ".join(pages) or "an `apply` block in the config, see docs/apply.md"
    print(f"Predictions for new objects: {said}", file=sys.stderr)
