"""Files that Snakemake gives a script, put together."""

from pathlib import Path

import pytest

from skybake.results import folders

STAGED = "/node/s3/bucket/results/d"


def test_files_of_a_job_are_folders_of_its_seeds():
    files = [f"{STAGED}/runs/m/l/seed-{seed}/{name}" for seed in (7, 10) for name in ("run.json", "history.csv")]
    assert folders.of_seeds(files) == {7: Path(f"{STAGED}/runs/m/l/seed-7"), 10: Path(f"{STAGED}/runs/m/l/seed-10")}
    assert list(folders.of_seeds(reversed(files))) == [10, 7]


def test_two_folders_of_one_seed_are_refused():
    with pytest.raises(ValueError, match=r"seed 1 stands in runs/m/a/seed-1 too"):
        folders.of_seeds(["runs/m/a/seed-1/run.json", "runs/m/b/seed-1/run.json"])


def test_files_of_a_sweep_are_folders_of_its_points():
    files = [f"{STAGED}/sweeps/m/l/{point}/seed-{seed}/run.json" for point in ("a=1", "a=2") for seed in (1, 2)]
    found = folders.of_points(files)
    assert list(found) == ["a=1", "a=2"]
    assert found["a=2"] == {seed: Path(f"{STAGED}/sweeps/m/l/a=2/seed-{seed}") for seed in (1, 2)}


def test_files_of_a_comparison_are_folders_of_its_rows():
    files = [f"{STAGED}/runs/{model}/mse/seed-1/run.json" for model in ("m", "n")]
    assert folders.of_rows(files) == {(model, "mse"): {1: Path(f"{STAGED}/runs/{model}/mse/seed-1")} for model in "mn"}
    for name in ("metrics.json", "figures"):
        assert folders.row(f"{STAGED}/evaluation/m/mse/{name}") == ("m", "mse")
