"""Choose the row of a dataset that is best on the validation part."""

from pathlib import Path

from skybake import report
from skybake.workflow import logs

with logs.of(snakemake):
    report.choose(
        report.rows_of(snakemake.params.rows, runs=snakemake.input.runs, metrics=snakemake.input.metrics),
        Path(snakemake.output[0]),
    )
