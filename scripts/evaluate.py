"""Judge a (dataset, model, loss) on its test part: metrics and figures."""

from pathlib import Path

from skybake import evaluation, logs

with logs.to_file(snakemake.log[0]):
    evaluation.evaluate(
        {seed: Path(folder) for seed, folder in snakemake.params.runs.items()},
        metrics=Path(snakemake.output.metrics),
        figures=Path(snakemake.output.figures),
        figure_names=snakemake.params.figures,
        statistics=snakemake.params.statistics,
        outlier=snakemake.params.outlier,
        dataset=Path(snakemake.input.dataset),
    )
