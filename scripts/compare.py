"""Compare all models and losses on one dataset: tables, figures, one page."""

from pathlib import Path

from skybake import report
from skybake.workflow import logs

with logs.of(snakemake):
    report.compare(
        report.rows_of(
            snakemake.params.rows,
            runs=snakemake.input.runs,
            metrics=snakemake.input.metrics,
            figures=snakemake.input.figures,
            sweeps=snakemake.input.sweeps,
        ),
        chosen=Path(snakemake.input.chosen),
        csv=Path(snakemake.output.csv),
        tex=Path(snakemake.output.tex),
        html=Path(snakemake.output.html),
        figures=Path(snakemake.output.figures),
        figure_names=snakemake.params.figures,
        title=snakemake.params.title,
        dataset=Path(snakemake.input.dataset),
        split=Path(snakemake.input.split),
        rejected=Path(snakemake.input.rejected),
        config_text=Path(snakemake.input.config).read_text(encoding="utf-8"),
        statistics=snakemake.params.statistics,
    )
