"""Choose the best point of a sweep on the validation part."""

from pathlib import Path

from skybake.data.dataset import load_dataset
from skybake.evaluation import choice
from skybake.results import folders
from skybake.workflow import logs

with logs.of(snakemake):
    choice.choose(
        snakemake.params.points,
        folders.of_points(snakemake.input.points),
        dataset=load_dataset(snakemake.input.dataset),
        choice=Path(snakemake.output.choice),
    )
