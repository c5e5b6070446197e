"""Tell what changed since earlier results."""

from pathlib import Path

from skybake.report import difference
from skybake.workflow import logs

with logs.of(snakemake):
    difference.write(
        snakemake.params.now,
        snakemake.params.earlier,
        html=Path(snakemake.output.html),
        csv_file=Path(snakemake.output.csv),
        folder=Path(snakemake.output.figures),
        names=snakemake.params.figures,
        title=snakemake.params.title,
        statistics=snakemake.params.statistics,
        display=snakemake.params.display,
    )
