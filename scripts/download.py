"""Download the raw files that are not here; what is here is held against its sum and stays."""

from pathlib import Path

from skybake.fetch import Download
from skybake.fetch.ledger import write_ledger
from skybake.fetch.single import obtain
from skybake.workflow import logs

with logs.of(snakemake):
    write_ledger(
        snakemake.output[0],
        [
            obtain(Path(path), Download(**snakemake.params.wanted[name]))
            for name, path in snakemake.params.files.items()
        ],
    )
