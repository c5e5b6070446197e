"""Join the ledgers of all chunks in one, and say what is missing."""

from skybake.fetch.ledger import join_ledgers
from skybake.workflow import logs

with logs.of(snakemake):
    print(join_ledgers(snakemake.input, snakemake.output[0]))
