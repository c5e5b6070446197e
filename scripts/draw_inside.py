"""Draw what was found inside one network."""

from pathlib import Path

from skybake import figures
from skybake.results import attributions
from skybake.workflow import logs

with logs.of(snakemake):
    folder, found = Path(snakemake.output[0]), attributions.read(snakemake.input[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name in snakemake.params.figures:
        if figures.can_draw(name, found):
            figures.draw(name, found, folder)
