"""The report of a bake-off that has failed jobs: what is done is compared, what failed is shown with its log."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from skybake.config.paths import COMPARISON_FILES
from skybake.config.plan import Plan
from skybake.data.dataset import load_dataset
from skybake.files import atomic_write
from skybake.report.choosing import choose
from skybake.report.comparison import compare
from skybake.report.dataset_page import write_page
from skybake.report.overview import join, pages_of
from skybake.report.rows import Row, is_drawn, is_judged, rows_of


def needed(plan: Plan) -> list[str]:
    """Return the results that may be compared or shown, whether they are there or not."""
    files = [path for name in COMPARISON_FILES for path in plan.compared(name)]
    for dataset in plan.datasets():
        files += [plan.paths.dataset(dataset, name) for name in ("dataset.h5", "rejected.csv")] + [
            plan.split(dataset),
            plan.audit(dataset),
            *plan.limit(dataset),
        ]
        files += [*plan.compared_runs(dataset), *plan.sweeps(dataset)]
        files += [
            path for name in ("metrics.json", "failures.csv", "figures") for path in plan.evaluations(dataset, name)
        ]
        for row in plan.rows(dataset):
            files += [row["log"], row["judge_log"], row["draw_log"], *row["point_logs"]]
    return files


def write_reports(plan: Plan) -> list[str]:
    """Write the reports of all datasets that have at least one result, and say on stderr what is missing.

    The files are those of the comparison's rules, which run again once the failed jobs have been done.

    Returns:
        The files and folders that were written.
    """
    config_text = yaml.safe_dump(plan.as_dict(), sort_keys=False)
    missing, written = [], []
    for dataset in plan.datasets():
        rows = _rows(plan, dataset)
        failed = [row for row in rows if not is_judged(row)]
        undrawn = [row for row in rows if is_judged(row) and not is_drawn(row)]
        missing += [f"{dataset}: {row.name}" for row in failed]
        missing += [f"{dataset}: figures of {row.name}" for row in undrawn]
        if (failed or undrawn) and len(failed) < len(rows):
            _compare(plan, dataset, rows, config_text)
            written += [plan.paths.dataset(dataset, name) for name in COMPARISON_FILES]
    names = {"csv": "comparison.csv", "verdict": "verdict.json", "html": "report.html", "figures": "figures"}
    names["found"] = "comparison.json"
    files = {word: plan.compared(name) for word, name in names.items()}
    files["audits"] = list(map(plan.audit, plan.datasets()))
    pages = [page for page in pages_of(plan.datasets(), **files) if page.csv.exists()]
    joined = bool(missing and pages)
    if joined:
        with atomic_write(plan.paths.config()) as path:
            path.write_text(config_text, encoding="utf-8")
        table, report = (f"{plan.paths.results}/{name}" for name in ("comparison.csv", "report.html"))
        join(
            pages,
            csv=Path(table),
            html=Path(report),
            title=plan.config.title,
            config_text=config_text,
            display=plan.config.display,
        )
        written += [plan.paths.config(), table, report]
    if missing:
        print("Not finished:", *missing, sep="\n  ", file=sys.stderr)
        results = plan.config.results.rstrip("/")  # as a person knows them, wherever this process has its copy
        said = (
            f"What is finished is compared in {results}/report.html; the others stand there with the end of their logs."
        )
        print(said if joined else f"Nothing can be compared yet; see {results}/logs.", file=sys.stderr)
    return written


def _compare(plan: Plan, dataset: str, rows: list[Row], config_text: str) -> None:
    """Write the choice, tables, figures and page of one dataset."""
    chosen = Path(plan.paths.chosen(dataset))
    choose(rows, chosen)
    files = {
        name: Path(plan.paths.dataset(dataset, name)) for name in ("dataset.h5", "rejected.csv", *COMPARISON_FILES)
    }
    compare(
        rows,
        chosen=chosen,
        csv=files["comparison.csv"],
        tex=files["comparison.tex"],
        found=files["comparison.json"],
        reached=files["verdict.json"],
        dataset=load_dataset(files["dataset.h5"]),
        statistics=plan.config.statistics.model_dump(),
        reference=plan.reference(dataset),
        limit=next((path for path in map(Path, plan.limit(dataset)) if path.exists()), None),
    )
    write_page(
        rows,
        chosen=chosen,
        comparison=files["comparison.json"],
        verdict=files["verdict.json"],
        html=files["report.html"],
        folder=files["figures"],
        names=[figure.name for figure in plan.figures("comparison", dataset)],
        title=plan.config.title,
        dataset=files["dataset.h5"],
        split=Path(plan.split(dataset)),
        rejected=files["rejected.csv"],
        audit=Path(plan.audit(dataset)),
        config_text=config_text,
        told=plan.published(dataset),
        apply=plan.how_to_apply(dataset),
        published=files["published.csv"],
        display=plan.config.display,
    )


def _rows(plan: Plan, dataset: str) -> list[Row]:
    """Return all rows of a dataset, whether their files are there or not."""
    return rows_of(
        plan.rows(dataset),
        runs=plan.compared_runs(dataset),
        metrics=plan.evaluations(dataset, "metrics.json"),
        figures=plan.evaluations(dataset, "figures"),
        sweeps=plan.sweeps(dataset),
    )
