"""Draw the figures of a (dataset, model, loss)."""

from pathlib import Path

from skybake.data.dataset import load_dataset
from skybake.figures import runs
from skybake.results import folders
from skybake.workflow import logs

with logs.of(snakemake):
    runs.draw_run(
        folders.of_seeds(snakemake.input.runs),
        dataset=load_dataset(snakemake.input.dataset),
        metrics=Path(snakemake.input.metrics),
        folder=Path(snakemake.output[0]),
        names=snakemake.params.figures,
        prediction=snakemake.params.prediction,
        limit=Path(snakemake.input.limit[0]) if snakemake.input.limit else None,
    )
