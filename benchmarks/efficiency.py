"""Efficiency of everything trained on simulated clusters, with the limit of all test objects.

    snakemake --profile profiles/local --configfile benchmarks/efficiency.yaml
    python benchmarks/efficiency.py results/efficiency

A bake-off finds the limit of 300 test objects, which tell its mean to 3 %; here it is found of all of them, some 0.02
CPU-seconds each. Efficiency is limit over root mean square error, squares averaged over seeds; ``together`` is the mean
of all seeds' predictions. 95 % intervals come from a bootstrap over halos.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from skybake.data import limit as limits
from skybake.data.dataset import Dataset, load_dataset
from skybake.evaluation import trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.limit import SCATTER, measure
from skybake.mock import efeds
from skybake.results import identity

DRAWS = 2000


def whole_limit(folder: Path, dataset: Dataset, mock: Mapping[str, int]) -> limits.Limits:
    """Return the limit of all test objects."""
    efeds.LIMIT["objects"] = len(dataset.ids)
    with tempfile.TemporaryDirectory() as beside:
        json, table = Path(beside) / "limit.json", Path(beside) / "limit.csv"
        split = next(folder.glob("split-*.h5"))
        truth = folder / "raw" / "truth.npz"
        limits.find(efeds, efeds.Options(**mock), truth=truth, dataset=dataset, split=split, json=json, table=table)
        return limits.read(json)


def told(value: Mapping[str, float]) -> str:
    """Return a number with its interval."""
    return f"{value['value']:.4f} ({value['low']:.4f}-{value['high']:.4f})"


def main() -> None:
    """Print a line for each row of each dataset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    results = parser.parse_args().results
    config = yaml.safe_load((results / "config.yaml").read_text(encoding="utf-8"))
    for name, block in config["datasets"].items():
        folder = results / name
        dataset = load_dataset(folder / "dataset.h5")
        rows = {}
        for runs in sorted({path.parent for path in folder.glob("runs/*/*/seed-*")}):
            seeds = {int(path.name.removeprefix("seed-")): path for path in runs.glob("seed-*")}
            key = "/".join(runs.parts[-2:])
            rows[key] = trained.read(seeds, dataset, ("test",))
            if len(seeds) > 1:
                rows[f"{key}, together"] = trained.read(seeds, dataset, ("test",), identity.ENSEMBLE)
        groups = next(iter(next(iter(rows.values())).values())).parts["test"].groups
        found = measure(whole_limit(folder, dataset, block["mock"]), dataset, rows, Bootstrap(DRAWS, groups=groups))
        print(f"{name}: {found['objects']} test objects")
        for line in found["lines"]:
            print(f"  limit, {line['name']}: {told(line['values'][SCATTER])}")
        reached = found["lines"][0]["values"][SCATTER]["value"]
        for key, value in found["efficiency"].items():
            print(f"  {key}: RMSE {reached / value['value']:.4f}, efficiency {told(value)}")


if __name__ == "__main__":
    main()
