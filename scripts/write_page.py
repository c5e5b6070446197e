"""Draw the comparison of one dataset and write its page."""

from pathlib import Path

from skybake.report import dataset_page
from skybake.report.rows import rows_of
from skybake.workflow import logs

with logs.of(snakemake):
    dataset_page.write_page(
        rows_of(
            snakemake.params.rows,
            runs=snakemake.input.runs,
            metrics=snakemake.input.metrics,
            figures=snakemake.input.figures,
            sweeps=snakemake.input.sweeps,
        ),
        chosen=Path(snakemake.input.chosen),
        comparison=Path(snakemake.input.comparison),
        verdict=Path(snakemake.input.verdict),
        html=Path(snakemake.output.html),
        folder=Path(snakemake.output.figures),
        names=snakemake.params.figures,
        title=snakemake.params.title,
        dataset=Path(snakemake.input.dataset),
        split=Path(snakemake.input.split),
        rejected=Path(snakemake.input.rejected),
        audit=Path(snakemake.input.audit),
        config_text=Path(snakemake.input.config).read_text(encoding="utf-8"),
        told=snakemake.params.published,
        apply=snakemake.params.apply,
        published=Path(snakemake.output.published),
        display=snakemake.params.display,
        limit=Path(snakemake.input.limit[0]) if snakemake.input.limit else None,
    )
