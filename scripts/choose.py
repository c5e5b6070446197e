"""Choose the best point of a sweep on the validation part."""

from pathlib import Path

from skybake import logs, sweeps

with logs.to_file(snakemake.log[0]):
    sweeps.choose(
        snakemake.params.points,
        {
            point: {seed: Path(folder) for seed, folder in folders.items()}
            for point, folders in snakemake.params.folders.items()
        },
        Path(snakemake.output.choice),
    )
