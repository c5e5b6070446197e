"""Write the merged config beside the results."""

import yaml

from skybake import dataset, logs

with logs.of(snakemake), dataset.whole(snakemake.output[0]) as path:
    path.write_text(yaml.safe_dump(snakemake.params.config, sort_keys=False), encoding="utf-8")
