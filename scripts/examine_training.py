"""Look around where a bake-off trains, and at what its frameworks see there."""

from pathlib import Path

from skybake.workflow import jobs, logs
from skybake.workflow.doctor import frameworks, steps

with logs.of(snakemake):
    steps.write(
        Path(snakemake.output[0]),
        snakemake.resources,
        asked_gpu=jobs.asked_gpu(snakemake.resources),
        frameworks=frameworks.look(snakemake.params.training, jobs.asked_gpu(snakemake.resources)),
    )
