"""Choose the best point of a sweep on the validation part."""

from pathlib import Path

from skybake import folders, logs, sweeps

with logs.of(snakemake):
    sweeps.choose(snakemake.params.points, folders.of_points(snakemake.input), Path(snakemake.output.choice))
