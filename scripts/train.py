"""Train a network with every seed of a (dataset, model, loss)."""

from pathlib import Path

from skybake.results import folders
from skybake.training import job
from skybake.training.runs import Job
from skybake.workflow import jobs, logs

with logs.of(snakemake):
    job.train_job(
        Path(snakemake.input.dataset),
        Path(snakemake.input.split),
        Job(**snakemake.params.job, code=snakemake.params.code),
        folders.of_seeds(snakemake.output),
        Path(snakemake.params.work),
        files=sorted({Path(path).name for path in snakemake.output}),
        asked_gpu=jobs.asked_gpu(snakemake.resources),
    )
