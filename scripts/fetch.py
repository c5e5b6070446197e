"""Download the files of one chunk that are not here yet; what cannot be had goes to the ledger with the reason."""

from pathlib import Path

from skybake.fetch import Fetch, download
from skybake.fetch.ledger import write_ledger
from skybake.fetch.wanted import read_wanted
from skybake.workflow import logs

with logs.of(snakemake):
    write_ledger(
        snakemake.output[0],
        download.fetch(
            read_wanted(snakemake.input[0], int(snakemake.wildcards.chunk)),
            *map(Path, snakemake.params.fetched.values()),
            # Not a parameter of the rule: another delay must not make Snakemake fetch and ingest again.
            Fetch(**snakemake.config["datasets"][snakemake.wildcards.dataset]["fetch"]),
            connections=snakemake.threads,
        ),
    )
