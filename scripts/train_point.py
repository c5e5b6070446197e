"""Train a network with every seed of a point of a sweep, unless its trial was left out on the rung before."""

from pathlib import Path

from skybake.results import folders
from skybake.training import train
from skybake.training.job import NetworkJob
from skybake.workflow import jobs, logs

with logs.of(snakemake):
    train.train_point(
        Path(snakemake.input.dataset),
        Path(snakemake.input.split),
        NetworkJob(**snakemake.params.job, code=snakemake.params.code),
        folders.of_seeds(snakemake.output),
        Path(snakemake.params.work),
        trial=snakemake.params.trial,
        survivors=next(map(Path, snakemake.input.survivors), None),
        before=snakemake.input.before,
        files=sorted({Path(path).name for path in snakemake.output}),
        asked_gpu=jobs.asked_gpu(snakemake.resources),
        start=next((Path(path) for path in snakemake.input.start if path.endswith(".keras")), None),
    )
