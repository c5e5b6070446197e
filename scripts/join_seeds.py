"""Make one predictor of all seeds of a network."""

from pathlib import Path

from skybake.results import folders
from skybake.training import ensemble
from skybake.workflow import logs

with logs.of(snakemake):
    ensemble.write(folders.of_seeds(snakemake.input), Path(snakemake.output[0]))
