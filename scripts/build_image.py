"""Build a container image with Apptainer, without being root."""

from pathlib import Path

from skybake import containers, logs

with logs.to_file(snakemake.log[0]):
    containers.build(Path(snakemake.input.definition), Path(snakemake.output[0]))
