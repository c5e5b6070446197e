"""Join the comparisons of all datasets in one table and one page."""

from pathlib import Path

from skybake.report import overview
from skybake.workflow import logs

with logs.of(snakemake):
    overview.join(
        overview.pages_of(
            snakemake.params.datasets,
            csv=snakemake.input.csv,
            verdict=snakemake.input.verdict,
            html=snakemake.input.html,
            figures=snakemake.input.figures,
            audits=snakemake.input.audits,
            found=snakemake.input.found,
        ),
        csv=Path(snakemake.output.csv),
        html=Path(snakemake.output.html),
        title=snakemake.params.title,
        config_text=Path(snakemake.input.config).read_text(encoding="utf-8"),
        display=snakemake.params.display,
    )
