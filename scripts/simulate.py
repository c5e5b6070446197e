"""Simulate the raw files of a survey."""

from pathlib import Path

from skybake import plugins
from skybake.workflow import logs

with logs.of(snakemake):
    simulator = plugins.in_room("mock", "simulate")[snakemake.params.survey].load()
    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True, exist_ok=True)
    simulator.simulate(
        {name: folder / file for name, file in snakemake.params.files.items()},
        simulator.Options(**snakemake.params.options),
        threads=snakemake.threads,
    )
