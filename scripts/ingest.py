"""Turn raw files into an HDF5 dataset; what is left out goes to rejected.csv with the reason."""

from pathlib import Path

from skybake import plugins
from skybake.data import writer
from skybake.workflow import logs

name = snakemake.wildcards.dataset
# Not a parameter of the rule: other inputs are other trainings, and the same dataset.
inputs = snakemake.config["datasets"][name].get("inputs") or ()

with logs.of(snakemake), writer.expecting(f"datasets.{name}.inputs", inputs):
    raw = {name: Path(snakemake.input[name], file) for name, file in snakemake.params.files.items()}
    raw |= {name: Path(folder) for name, folder in snakemake.params.fetched.items()}
    reader = plugins.in_room("raw", "ingest")[snakemake.params.survey].load()
    reader.ingest(
        raw,
        Path(snakemake.output.dataset),
        Path(snakemake.output.rejected),
        reader.Options(**snakemake.params.options),
        mock=snakemake.params.mock,
        threads=snakemake.threads,
    )
