"""What only Snakemake and its scripts need: jobs, logs, locks, containers, digests of code, the doctor."""
