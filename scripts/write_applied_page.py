"""Draw what was predicted for new objects and write its page."""

from pathlib import Path

import yaml

from skybake.report import applied_page
from skybake.report.rows import rows_of
from skybake.workflow import logs

with logs.of(snakemake):
    name = snakemake.wildcards.apply
    applied_page.write_page(
        name,
        snakemake.input.parts,
        dataset=Path(snakemake.input.dataset),
        rejected=Path(snakemake.input.rejected),
        sample=Path(snakemake.input.sample),
        false_alarms=snakemake.params.false_alarms,
        trained_on=Path(snakemake.input.trained_on),
        split=Path(snakemake.input.split),
        candidates=rows_of(snakemake.params.rows, runs=snakemake.input.runs, metrics=snakemake.input.metrics),
        chosen=snakemake.input.chosen,
        html=Path(snakemake.output.html),
        figures=Path(snakemake.output.figures),
        figure_names=snakemake.params.figures,
        title=snakemake.params.title,
        place=snakemake.params.place,
        config_text=yaml.safe_dump(snakemake.params.config, sort_keys=False),
    )
