"""Divide a dataset into train, validation and test."""

from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.workflow import logs

with logs.of(snakemake):
    splits.write(
        snakemake.output.split,
        *splits.make_all(load_dataset(snakemake.input.dataset), snakemake.params.strategy),
    )
