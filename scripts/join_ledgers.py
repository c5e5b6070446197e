"""Join the ledgers of all chunks in one, and say what is missing."""

from skybake import logs
from skybake.fetch.ledger import join_ledgers

with logs.to_file(snakemake.log[0]):
    print(join_ledgers(snakemake.input, snakemake.output[0]))
