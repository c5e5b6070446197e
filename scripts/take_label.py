"""Give a label beside the first a dataset of its own."""

import shutil
from pathlib import Path

from skybake.files import atomic_write
from skybake.results import labels
from skybake.workflow import logs

with logs.of(snakemake):
    labels.write_dataset(Path(snakemake.input.dataset), Path(snakemake.output.dataset), snakemake.params.label)
    with atomic_write(snakemake.output.rejected) as beside:
        shutil.copyfile(snakemake.input.rejected, beside)
