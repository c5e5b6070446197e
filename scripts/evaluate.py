"""Judge a (dataset, model, loss) on its test part: metrics and figures."""

from pathlib import Path

from skybake import evaluation, folders, logs

with logs.of(snakemake):
    evaluation.evaluate(
        folders.of_seeds(snakemake.input.runs),
        metrics=Path(snakemake.output.metrics),
        figures=Path(snakemake.output.figures),
        figure_names=snakemake.params.figures,
        statistics=snakemake.params.statistics,
        outlier=snakemake.params.outlier,
        dataset=Path(snakemake.input.dataset),
    )
