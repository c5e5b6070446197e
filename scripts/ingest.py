"""Turn raw files into an HDF5 dataset; what is left out goes to rejected.csv with the reason."""

from pathlib import Path

from skybake import discovery, logs

with logs.to_file(snakemake.log[0]):
    reader = discovery.parts("raw", "ingest")[snakemake.params.survey].load()
    reader.ingest(
        {name: Path(path) for name, path in snakemake.params.raw.items()},
        Path(snakemake.output.dataset),
        Path(snakemake.output.rejected),
        reader.Options(**snakemake.params.options),
        mock=snakemake.params.mock,
        threads=snakemake.threads,
    )
