"""Judge a (dataset, model, loss) on its validation and test parts."""

from pathlib import Path

from skybake.data.dataset import load_dataset
from skybake.evaluation import judge
from skybake.results import folders
from skybake.workflow import logs

with logs.of(snakemake):
    judge.judge(
        folders.of_seeds(snakemake.input.runs),
        dataset=load_dataset(snakemake.input.dataset),
        metrics=Path(snakemake.output.metrics),
        worst=Path(snakemake.output.failures),
        prediction=snakemake.params.prediction,
        statistics=snakemake.params.statistics,
        outlier=snakemake.params.outlier,
    )
