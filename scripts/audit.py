"""Look for what stands on both sides of a split, and for parts that say little."""

from skybake.data import audit, splits
from skybake.data.dataset import load_dataset
from skybake.workflow import logs

with logs.of(snakemake):
    dataset = load_dataset(snakemake.input.dataset)
    audit.write(snakemake.output[0], dataset, splits.load(snakemake.input.split, dataset))
