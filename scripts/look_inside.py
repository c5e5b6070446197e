"""Look inside one network: maps of what its predictions rest on, and its first layer's kernels."""

from pathlib import Path

from skybake.results import attributions
from skybake.training import attribution
from skybake.workflow import logs

with logs.of(snakemake):
    attributions.write(
        snakemake.output[0],
        attribution.look(
            Path(snakemake.input.run[0]).parent,
            Path(snakemake.input.dataset),
            Path(snakemake.input.split),
            **snakemake.params.inside,
            threads=snakemake.threads,
        ),
    )
