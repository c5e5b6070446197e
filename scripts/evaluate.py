"""Judge a (dataset, model, loss) on its test part: metrics and figures."""

from pathlib import Path

from skybake.evaluation import evaluate
from skybake.results import folders
from skybake.workflow import logs

with logs.of(snakemake):
    evaluate.evaluate(
        folders.of_seeds(snakemake.input.runs),
        metrics=Path(snakemake.output.metrics),
        figures=Path(snakemake.output.figures),
        figure_names=snakemake.params.figures,
        statistics=snakemake.params.statistics,
        outlier=snakemake.params.outlier,
        dataset=Path(snakemake.input.dataset),
    )
