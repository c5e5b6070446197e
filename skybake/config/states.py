"""Where the rows of a bake-off lie, as plain values: of this one, and of earlier results of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skybake.config import make_plan, yaml_files
from skybake.config.paths import expanded
from skybake.config.plan import Plan

CSV = "comparison.csv"


def of_plan(plan: Plan) -> dict[str, Any]:
    """Return ``results``, ``problem`` (empty) and ``datasets``: what :mod:`skybake.report.states` reads of each."""
    found = {
        name: {
            "csv": plan.paths.dataset(name, CSV),
            "dataset": plan.paths.dataset(name),
            "rows": plan.rows(name),
            "runs": plan.compared_runs(name),
            "metrics": plan.evaluations(name, "metrics.json"),
        }
        for name in plan.datasets()
    }
    return {"results": plan.paths.results, "problem": "", "datasets": found}


def of_folder(given: str) -> dict[str, Any]:
    """Return the same of a results folder; of one that another version left, its tables alone and why."""
    folder = Path(expanded(given))
    try:
        return of_plan(make_plan(yaml_files.read(folder / "config.yaml"), raw_is_here=False).at(str(folder)))
    except (ValueError, OSError) as error:
        tables = {path.parent.name: {"csv": str(path)} for path in sorted(folder.glob(f"*/{CSV}"))}
        why = " ".join(str(error).split()).removeprefix("the config cannot be run: ")
        return {"results": str(folder), "problem": f"this version cannot read its config: {why}", "datasets": tables}


def pages(plan: Plan) -> list[str]:
    """Return the files that ``snakemake difference`` makes.

    Raises:
        ValueError: The config names no earlier results.
    """
    if not plan.earlier_results:
        raise ValueError("compare_with_results: nothing found; expected folders of earlier results: [results/before]")
    return [plan.paths.difference(name) for name in ("report.html", "difference.csv", "figures")]
