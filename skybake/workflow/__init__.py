"""What only Snakemake's process and scripts need: jobs, attempts, logs, locks, containers, digests of code, the doctor."""
