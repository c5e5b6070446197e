"""Predict a part of new objects with a trained network."""

from pathlib import Path

from skybake.applying import chosen, predict
from skybake.workflow import jobs, logs

with logs.of(snakemake):
    predict.predict(
        Path(snakemake.input.dataset),
        chosen.runs_of(snakemake.params.rows, snakemake.input.chosen, snakemake.input.runs),
        Path(snakemake.input.sample),
        Path(snakemake.output[0]),
        part=int(snakemake.wildcards.part),
        jobs=snakemake.params.jobs,
        batch_size=snakemake.params.batch_size,
        false_alarms=snakemake.params.false_alarms,
        asked_by=snakemake.params.asked_by,
        asked_gpu=jobs.asked_gpu(snakemake.resources),
    )
