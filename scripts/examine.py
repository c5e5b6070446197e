"""Look around where a step of the bake-off runs."""

from pathlib import Path

from skybake.workflow import logs
from skybake.workflow.doctor import steps

with logs.of(snakemake):
    steps.write(Path(snakemake.output[0]), snakemake.resources)
