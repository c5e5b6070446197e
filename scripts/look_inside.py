"""Look inside one network: maps of what its predictions rest on, and its first layer's kernels."""

from pathlib import Path

from skybake import attributions, inside, logs

with logs.of(snakemake):
    attributions.write(
        snakemake.output[0],
        inside.look(
            Path(snakemake.input.run[0]).parent,
            Path(snakemake.input.dataset),
            Path(snakemake.input.split),
            snakemake.params.loss,
            **snakemake.params.inside,
            threads=snakemake.threads,
        ),
    )
