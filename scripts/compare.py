"""Compare all models and losses on one dataset: tables, and paired differences."""

from pathlib import Path

from skybake.data.dataset import load_dataset
from skybake.report import comparison
from skybake.report.rows import rows_of
from skybake.workflow import logs

with logs.of(snakemake):
    comparison.compare(
        rows_of(
            snakemake.params.rows,
            runs=snakemake.input.runs,
            metrics=snakemake.input.metrics,
            sweeps=snakemake.input.sweeps,
        ),
        chosen=Path(snakemake.input.chosen),
        csv=Path(snakemake.output.csv),
        tex=Path(snakemake.output.tex),
        found=Path(snakemake.output.found),
        reached=Path(snakemake.output.verdict),
        dataset=load_dataset(snakemake.input.dataset),
        statistics=snakemake.params.statistics,
        reference=snakemake.params.reference,
        limit=Path(snakemake.input.limit[0]) if snakemake.input.limit else None,
    )
