"""Divide a dataset into train, validation and test."""

from skybake import dataset, logs, splits

with logs.to_file(snakemake.log[0]):
    splits.write(
        snakemake.output.split,
        splits.make(dataset.load(snakemake.input.dataset), snakemake.params.strategy),
    )
