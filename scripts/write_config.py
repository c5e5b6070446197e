"""Write the merged config beside the results."""

import yaml

from skybake import files
from skybake.workflow import logs

with logs.of(snakemake), files.atomic_write(snakemake.output[0]) as path:
    path.write_text(yaml.safe_dump(snakemake.params.config, sort_keys=False), encoding="utf-8")
