"""Choose the row of a dataset that is best on the validation part."""

from pathlib import Path

from skybake.report import choosing
from skybake.report.rows import rows_of
from skybake.workflow import logs

with logs.of(snakemake):
    choosing.choose(
        rows_of(snakemake.params.rows, runs=snakemake.input.runs, metrics=snakemake.input.metrics),
        Path(snakemake.output[0]),
    )
