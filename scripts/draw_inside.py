"""Draw what was found inside one network."""

from pathlib import Path

from skybake import figures
from skybake.results import attributions
from skybake.workflow import logs

with logs.of(snakemake):
    figures.draw_all(snakemake.params.figures, attributions.read(snakemake.input[0]), Path(snakemake.output[0]))
