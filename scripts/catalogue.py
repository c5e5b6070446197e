"""Write the catalogue of what was predicted for new objects."""

from pathlib import Path

from skybake.applying import catalogue, chosen
from skybake.data.dataset import load_dataset
from skybake.workflow import logs

with logs.of(snakemake):
    runs = chosen.runs_of(snakemake.params.rows, snakemake.input.chosen, snakemake.input.runs)
    catalogue.write(
        snakemake.input.parts,
        catalogue.calibration(runs, load_dataset(snakemake.input.dataset)),
        fits=Path(snakemake.output.fits),
        parquet=Path(snakemake.output.parquet),
        csv=Path(snakemake.output.csv),
    )
