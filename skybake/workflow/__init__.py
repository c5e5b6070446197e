"""What only Snakemake and its scripts need: jobs, attempts, logs, locks, containers, digests of code, the doctor."""
