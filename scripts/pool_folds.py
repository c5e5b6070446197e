"""Put the folds of a row together, seed by seed."""

from skybake.data.dataset import load_dataset
from skybake.results import folders, folds
from skybake.workflow import logs

with logs.of(snakemake):
    folds.pool(
        list(folders.of_rows(snakemake.input.runs).values()),
        folders.of_seeds(snakemake.output),
        snakemake.wildcards.loss,
        load_dataset(snakemake.input.dataset),
    )
