"""Build a container image with Apptainer, without being root."""

from pathlib import Path

from skybake.workflow import containers, logs

with logs.of(snakemake):
    containers.build(Path(snakemake.input.definition), Path(snakemake.output[0]))
