"""The report of a bake-off that has failed jobs: what is done is compared, what failed is shown with its log."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from skybake.config import Plan
from skybake.dataset import whole
from skybake.report.comparison import compare
from skybake.report.overview import Page, join
from skybake.report.rows import Row, is_judged


def bake(plan: Plan) -> list[str]:
    """Write the reports of all datasets that have at least one result, and say on stderr what is missing.

    The files are those of the comparison's rules, which run again once the failed jobs have been done.

    Returns:
        The failed rows, as ``<dataset>: <model>, <loss>``.
    """
    config_text = yaml.safe_dump(plan.as_dict(), sort_keys=False)
    missing = []
    for dataset in plan.datasets():
        rows = [Row.of_paths(**row) for row in plan.rows(dataset)]
        failed = [row for row in rows if not is_judged(row)]
        missing += [f"{dataset}: {row.name}" for row in failed]
        if failed and len(failed) < len(rows):
            compare(
                rows,
                csv=Path(plan.paths.dataset(dataset, "comparison.csv")),
                tex=Path(plan.paths.dataset(dataset, "comparison.tex")),
                html=Path(plan.paths.dataset(dataset, "report.html")),
                figures=Path(plan.paths.dataset(dataset, "figures")),
                figure_names=[figure.name for figure in plan.figures("comparison", dataset)],
                title=plan.config.title,
                dataset=Path(plan.paths.dataset(dataset)),
                split=Path(plan.split(dataset)),
                rejected=Path(plan.paths.dataset(dataset, "rejected.csv")),
                config_text=config_text,
                statistics=plan.config.statistics.model_dump(),
            )
    pages = [Page.of_paths(**page) for page in plan.pages() if Path(page["csv"]).exists()]
    html = Path(plan.paths.results, "report.html")
    joined = bool(missing and pages)
    if joined:
        with whole(plan.paths.config()) as path:
            path.write_text(config_text, encoding="utf-8")
        csv = Path(plan.paths.results, "comparison.csv")
        join(pages, csv=csv, html=html, title=plan.config.title, config_text=config_text)
    if missing:
        print("Not finished:", *missing, sep="\n  ", file=sys.stderr)
        said = f"What is finished is compared in {html}; the others stand there with the end of their logs."
        print(said if joined else f"Nothing can be compared yet; see {plan.paths.results}/logs.", file=sys.stderr)
    return missing
