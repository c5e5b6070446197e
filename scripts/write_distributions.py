"""Write the distributions that were predicted for new objects: as they are, and for qp."""

from skybake.applying import export
from skybake.workflow import logs

with logs.of(snakemake):
    export.write(snakemake.input.parts, snakemake.output.ours)
    export.write_qp(snakemake.input.parts, snakemake.output.qp)
