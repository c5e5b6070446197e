"""Give a label beside the first the runs of the networks that predict it, seed by seed."""

from skybake.data.dataset import load_dataset
from skybake.results import folders, labels
from skybake.workflow import logs

with logs.of(snakemake):
    labels.write_runs(
        folders.of_seeds(snakemake.input.runs),
        folders.of_seeds(snakemake.output),
        snakemake.wildcards.dataset,
        load_dataset(snakemake.input.dataset),
    )
