"""Simulate the raw files of a survey."""

from pathlib import Path

from skybake import discovery, logs

with logs.to_file(snakemake.log[0]):
    simulator = discovery.parts("mock", "simulate")[snakemake.params.survey].load()
    Path(snakemake.output[0]).mkdir(parents=True, exist_ok=True)
    simulator.simulate(
        {name: Path(path) for name, path in snakemake.params.raw.items()},
        simulator.Options(**snakemake.params.options),
        threads=snakemake.threads,
    )
