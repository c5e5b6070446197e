"""Train a network with every seed of a point of a sweep, unless its trial was left out on the rung before."""

from pathlib import Path

from skybake.files import read_json
from skybake.results import folders
from skybake.training import train
from skybake.training.job import NetworkJob
from skybake.workflow import jobs, logs

with logs.of(snakemake):
    seeds = folders.of_seeds(snakemake.output)
    survivors = [read_json(Path(path))["goes_on"] for path in snakemake.input.survivors]
    if survivors and snakemake.params.trial not in survivors[0]:
        train.leave_out(folders.of_seeds(snakemake.input.before), seeds)
    else:
        train.train_job(
            Path(snakemake.input.dataset),
            Path(snakemake.input.split),
            NetworkJob(**snakemake.params.job, code=snakemake.params.code),
            seeds,
            Path(snakemake.params.work),
            files=sorted({Path(path).name for path in snakemake.output}),
            asked_gpu=jobs.asked_gpu(snakemake.resources),
            start=next((Path(path) for path in snakemake.input.start if path.endswith(".keras")), None),
        )
