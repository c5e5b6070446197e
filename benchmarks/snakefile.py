"""Seconds that Snakemake takes to read the Snakefile and plan all jobs, against another checkout.

    python benchmarks/snakefile.py --against CHECKOUT [--combinations 500] [--rounds 5]

Every SLURM job reads the Snakefile again, twice, so this time is paid for each. A dry run of a bake-off of so many
combinations is timed in turns, with the same Python; the median of each way and their ratio are printed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
LOSSES = 5


def config(combinations: int) -> dict:
    """Return a bake-off of so many combinations of one model with other numbers of filters."""
    models = [{"simple_sequential": {"filters": 1 + number}} for number in range(combinations // LOSSES)]
    return {
        "datasets": {"clusters": {"survey": "efeds", "mock": {"n_clusters": 150}}},
        "bakeoffs": {
            "clusters": {
                "datasets": ["clusters"],
                "models": models,
                "losses": ["mse", "mae", "huber", "gaussian_nll", "quantile"],
                "training": {"epochs": 1},
            }
        },
    }


def seconds(checkout: Path, folder: Path) -> float:
    """Time a dry run."""
    words = ["--snakefile", checkout / "Snakefile", "--configfile", folder / "bakeoff.yaml", "--directory", folder]
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, words), "--dry-run", "--quiet", "--cores", "1"],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begun


def main() -> None:
    """Time both ways in turns, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", required=True)
    parser.add_argument("--combinations", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    ways = {"this checkout": ROOT, "the other checkout": given.against.resolve()}
    found: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(given.rounds):
        for way in list(ways)[:: -1 if turn % 2 else 1]:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "bakeoff.yaml").write_text(yaml.safe_dump(config(given.combinations)), encoding="utf-8")
                found[way].append(seconds(ways[way], folder))
    ours, theirs = (statistics.median(found[way]) for way in ways)
    print(f"dry run of {given.combinations} combinations, median of {given.rounds} [s]")
    for way, times in found.items():
        print(f"  {way:20s} {statistics.median(times):6.2f}   ({min(times):.2f} to {max(times):.2f})")
    print(f"  ours / theirs        {ours / theirs:6.2f}")


if __name__ == "__main__":
    main()
