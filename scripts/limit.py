"""Find the limit of a simulated dataset, for objects of its test part."""

from pathlib import Path

from skybake import plugins
from skybake.data import limit
from skybake.data.dataset import load_dataset
from skybake.workflow import logs

with logs.of(snakemake):
    simulator = plugins.in_room("mock", "simulate")[snakemake.params.survey].load()
    limit.find(
        simulator,
        simulator.Options(**snakemake.params.options),
        truth=Path(snakemake.input.raw) / snakemake.params.truth,
        dataset=load_dataset(snakemake.input.dataset),
        split=Path(snakemake.input.split),
        json=Path(snakemake.output.json),
        table=Path(snakemake.output.table),
    )
