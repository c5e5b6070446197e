"""Choose the trials that go on from a rung of successive halving."""

from pathlib import Path

from skybake.data.dataset import load_dataset
from skybake.evaluation import choice
from skybake.results import folders
from skybake.workflow import logs

with logs.of(snakemake):
    choice.end_rung(
        snakemake.params.trials,
        folders.of_points(snakemake.input.points),
        rung=int(snakemake.wildcards.rung),
        dataset=load_dataset(snakemake.input.dataset),
        out=Path(snakemake.output[0]),
    )
