"""Let trained networks predict in several passes with dropout."""

from pathlib import Path

from skybake.results import folders
from skybake.training import dropout
from skybake.workflow import logs

with logs.of(snakemake):
    dropout.predict(
        Path(snakemake.input.dataset),
        Path(snakemake.input.split),
        snakemake.params.passes,
        folders.of_seeds(snakemake.input.runs),
        folders.of_seeds(snakemake.output),
        snakemake.params.code,
    )
