"""Short steps share jobs, and one that fails costs only its own row."""

import copy
import csv
import os

import pytest

from tests.cluster.conftest import CONFIG, HASTE, NO_CONTAINERS, branch
from tests.workflow.conftest import Bakeoff, copy_checkout

MODEL = "simple_sequential-filters=4"
DIVERGING = {"epochs": 2, "device": "any", "optimizer": {"name": "sgd", "learning_rate": 1e30}, "images": "none"}


@pytest.fixture
def trained(ingested, tmp_path):
    """A bake-off whose networks are trained, and nothing judged."""
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["clusters"]["models"] = [{"simple_sequential": {"filters": 4}}]
    config["bakeoffs"]["clusters"]["baselines"] = ["constant", "total_flux"]
    bakeoff = branch(ingested, tmp_path / "work", config)
    Bakeoff(bakeoff.folder, bakeoff.checkout).snakemake("--until", "train_clusters")
    return bakeoff, config


def named(jobs, name):
    return [job for job in jobs if job["Comment"] == f"rule_{name}"]


def test_a_failed_training_and_a_failed_evaluation_cost_only_their_own_rows(trained, cluster):
    bakeoff, config = trained
    config["bakeoffs"]["hopeless"] = config["bakeoffs"]["clusters"] | {
        "models": ["dense"],
        "losses": ["mse"],
        "baselines": [],
        "training": DIVERGING,
    }
    bakeoff.write(config)
    damaged = bakeoff.folder / f"results/clusters/runs/{MODEL}/mse/seed-1/predictions.h5"
    before = damaged.stat()
    damaged.write_bytes(b"no HDF5 file")
    os.utime(damaged, ns=(before.st_atime_ns, before.st_mtime_ns))
    last = cluster.last()
    done = bakeoff.snakemake(*HASTE, *NO_CONTAINERS, "--retries", "0", check=False)
    assert done.returncode != 0
    with (bakeoff.folder / "results/comparison.csv").open(newline="") as stream:
        status = {(row["model"], row["loss"]): row["status"] for row in csv.DictReader(stream)}
    assert status == {
        (MODEL, "mse"): "failed",
        (MODEL, "gaussian_nll"): "ok",
        ("constant", "baseline"): "ok",
        ("total_flux", "baseline"): "ok",
        ("dense", "mse"): "failed",
    }
    jobs = cluster.history(last)
    assert [job["State"] for job in named(jobs, "baselines_fit_baseline_clusters")] == ["COMPLETED"]
    # The group did not wait for the network that diverged; then each of its steps had a job of its own.
    (first,) = named(jobs, "evaluations_draw_judge")
    judged, drawn = named(jobs, "evaluations_judge"), named(jobs, "evaluations_draw")
    assert first["State"] == "FAILED"
    assert sorted(job["State"] for job in judged) == ["COMPLETED"] * 3 + ["FAILED"]
    assert [job["State"] for job in drawn] == ["COMPLETED"] * 3  # the row that cannot be judged is not drawn
    for job in (first, next(job for job in judged if job["State"] == "FAILED")):
        name = job["Comment"].removeprefix("rule_")
        logs = list((bakeoff.folder / f".snakemake/slurm_logs/results/group_{name}").rglob("*.log"))
        assert [log.stem for log in logs] == [job["JobID"]]
    assert "Each of the 8 steps of group evaluations is tried again in a job of its own." in done.stdout


def test_a_group_asks_for_the_memory_of_one_step_and_the_time_of_all(trained, cluster):
    bakeoff, _ = trained
    last = cluster.last()
    bakeoff.snakemake(*HASTE, *NO_CONTAINERS)
    jobs = cluster.history(last)
    assert len(jobs) == 6  # of 14 steps: two fits, four rows judged and drawn, a limit, an audit, a comparison, a page
    (fits,) = named(jobs, "baselines_fit_baseline_clusters")
    (evaluations,) = named(jobs, "evaluations_draw_judge")
    assert (fits["TimelimitRaw"], evaluations["TimelimitRaw"]) == ("120", "120")  # 2 x 60 and 4 x (20 + 10) minutes
    for job, least in ((fits, 1000), (evaluations, 2000)):
        assert "cpu=1," in job["AllocTRES"]
        assert least <= float(job["ReqMem"].removesuffix("M")) < 1.2 * least


def test_jobs_of_a_checkout_with_blanks_in_its_path(cluster, tmp_path):
    bakeoff = Bakeoff(tmp_path / "my work", copy_checkout(tmp_path / "my checkout"), "slurm")
    bakeoff.write(CONFIG)
    last = cluster.last()
    bakeoff.snakemake("results/clusters/raw", *HASTE, *NO_CONTAINERS)
    assert [job["State"] for job in cluster.history(last)] == ["COMPLETED"]
