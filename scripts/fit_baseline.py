"""Fit a baseline for every seed of its outputs: all of the bake-off, or one."""

from pathlib import Path

from skybake import baselines
from skybake.results import folders
from skybake.training.job import Job
from skybake.workflow import logs

with logs.of(snakemake):
    baselines.fit_job(
        Path(snakemake.input.dataset),
        Path(snakemake.input.split),
        Job(**snakemake.params.job, code=snakemake.params.code),
        folders.of_seeds(snakemake.output),
        Path(snakemake.params.work),
        files=sorted({Path(path).name for path in snakemake.output}),
    )
