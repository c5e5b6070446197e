"""Turn raw files into an HDF5 dataset; what is left out goes to rejected.csv with the reason."""

from pathlib import Path

from skybake import plugins
from skybake.inputs import Inputs
from skybake.raw.ingest import ingest
from skybake.workflow import logs

like = snakemake.params.like
block = snakemake.config["datasets"][like]
trained_on = snakemake.input.get("trained_on")  # of new objects

with logs.of(snakemake):
    raw = {name: Path(snakemake.input[name], file) for name, file in snakemake.params.files.items()}
    raw |= {name: Path(folder) for name, folder in snakemake.params.fetched.items()}
    reader = plugins.in_room("raw", "read")[snakemake.params.survey].load()
    ingest(
        reader,
        raw,
        Path(snakemake.output.dataset),
        Path(snakemake.output.rejected),
        reader.Options(**snakemake.params.options),
        mock=snakemake.params.mock,
        threads=snakemake.threads,
        # Not a parameter of the rule: other inputs are other trainings, and the same dataset.
        expected=Inputs(tuple(block.get("inputs") or ()), block.get("derived") or {}),
        asked_by=f"datasets.{like}",
        like=Path(trained_on[0]) if trained_on else None,
        applied_by=snakemake.wildcards.dataset.replace("/", "."),
        kept=Path(snakemake.log[0]).with_suffix(".rejected.csv"),
    )
