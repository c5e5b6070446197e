"""Divide a dataset into train, validation and test."""

from skybake import dataset, logs, splits

with logs.of(snakemake):
    splits.write(
        snakemake.output.split,
        splits.make(dataset.load(snakemake.input.dataset), snakemake.params.strategy),
    )
