"""Remember what a network was trained with, to compare new objects with it."""

from pathlib import Path

from skybake.applying import chosen, predict
from skybake.workflow import jobs, logs

with logs.of(snakemake):
    predict.compare_with(
        Path(snakemake.input.dataset),
        Path(snakemake.input.split),
        chosen.runs_of(snakemake.params.rows, snakemake.input.chosen, snakemake.input.runs),
        Path(snakemake.output[0]),
        asked_gpu=jobs.asked_gpu(snakemake.resources),
    )
