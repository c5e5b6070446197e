"""Take a first look at a dataset: figures and one page."""

from pathlib import Path

import yaml

from skybake.report import exploring
from skybake.workflow import logs

with logs.of(snakemake):
    exploring.write_page(
        snakemake.wildcards.dataset,
        Path(snakemake.input.dataset),
        Path(snakemake.input.rejected),
        html=Path(snakemake.output.html),
        figures=Path(snakemake.output.figures),
        figure_names=snakemake.params.figures,
        title=snakemake.params.title,
        config_text=yaml.safe_dump(snakemake.params.config, sort_keys=False),
    )
