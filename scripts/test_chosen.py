"""Let the networks of a sweep's chosen point predict the test part."""

from pathlib import Path

from skybake.files import read_json
from skybake.results import folders
from skybake.training import train
from skybake.training.job import NetworkJob
from skybake.workflow import jobs, logs

with logs.of(snakemake):
    chosen = read_json(snakemake.input.choice)["chosen"]
    train.test_chosen(
        Path(snakemake.input.dataset),
        Path(snakemake.input.split),
        NetworkJob(**snakemake.params.jobs[chosen] | {"tested": True}, code=snakemake.params.code),
        folders.of_points(snakemake.input.points)[chosen],
        folders.of_seeds(snakemake.output),
        Path(snakemake.params.work),
        files=sorted({Path(path).name for path in snakemake.output}),
        asked_gpu=jobs.asked_gpu(snakemake.resources),
    )
