"""The small bake-off on a real SLURM cluster, through profiles/slurm."""

import copy
import csv
import json
import math

from tests.cluster.conftest import CONFIG, HASTE, NO_CONTAINERS, branch

NETWORKS = [("deeper_sequential", "mse"), ("deeper_sequential", "gaussian_nll"), ("simple_sequential-filters=4", "mse")]


def of_rule(jobs, rule):
    return [job for job in jobs if job["Comment"].startswith(f"rule_{rule}_wildcards")]


def test_every_combination_is_compared(baked):
    with (baked[0].folder / "results/comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["status"] for row in rows} == {"ok"}
    assert {(row["model"], row["loss"]) for row in rows} > set(NETWORKS)
    assert len(rows) == 5


def test_every_training_has_one_gpu_and_so_has_every_prediction_and_no_other_job(baked):
    jobs = baked[1]
    trainings = of_rule(jobs, "train_clusters")
    assert len(trainings) == 4
    applied = ("sample_night", "predict_night")
    on_gpus = [
        *trainings,
        *(job for job in jobs if job["Comment"].startswith(tuple(f"rule_{name}" for name in applied))),
    ]
    assert len(on_gpus) == 6
    assert all("gres/gpu=1" in job["AllocTRES"] for job in on_gpus)
    others = [job for job in jobs if job not in on_gpus]
    assert {job["Comment"].removeprefix("rule_").split("_wildcards")[0] for job in others} == {
        *("simulate", "ingest", "limit", "audit", "explore", "baselines_fit_baseline_clusters"),
        *("evaluations_draw_judge", "compare", "write_page"),
        *("catalogue", "write_distributions", "write_applied_page"),
    }
    assert not [job["Comment"] for job in others if "gpu" in job["AllocTRES"]]
    assert len(jobs) == 20  # the judging and drawing of five rows share one
    assert {job["State"] for job in jobs} == {"COMPLETED"}


def test_new_objects_have_predictions(baked):
    """Read, predicted and told of in jobs of their own, in containers."""
    folder = baked[0].folder / "results/apply/night"
    with (folder / "catalogue.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 10
    assert all(math.isfinite(float(row["log10_mass"])) for row in rows)
    for name in ("catalogue.fits", "catalogue.parquet", "distributions.h5", "distributions_qp.hdf5", "report.html"):
        assert (folder / name).stat().st_size > 1000


def test_a_training_sees_the_gpu_that_it_has(baked):
    """Fenced in, a job finds its one GPU at number 0, whichever it is."""
    for model, loss in NETWORKS:
        log = (baked[0].folder / f"results/logs/train/clusters/{model}/{loss}.log").read_text()
        assert "the job asked for gpu=1; CUDA_VISIBLE_DEVICES is 0" in log


def test_no_more_trainings_at_once_than_gpus(baked):
    trainings = of_rule(baked[1], "train_clusters")
    starts = sorted(job["Start"] for job in trainings)
    together = [sum(job["Start"] <= start < job["End"] for job in trainings) for start in starts]
    assert max(together) == 2  # and not one after the other either


def test_memory_grows_with_the_dataset(baked):
    size = (baked[0].folder / "results/clusters/dataset.h5").stat().st_size / 1e6
    for job in of_rule(baked[1], "train_clusters"):
        memory = float(job["ReqMem"].removesuffix("M"))
        assert 4000 + 8 * size - 10 < memory < 4000 + 9 * size + 10


def test_the_run_record_names_device_and_versions(baked):
    record = json.loads((baked[0].folder / "results/clusters/runs/deeper_sequential/mse/seed-1/run.json").read_text())
    device = record["hardware"]["device"]
    assert (device["kind"], device["name"]) == ("cpu", "cpu")
    assert device["gpu_not_used"].startswith("The tensorflow that is installed is made for CPUs")
    assert {"keras", "numpy", "python"} <= set(record["versions"])


def test_a_second_run_has_nothing_to_do(baked, cluster):
    before = cluster.last()
    assert baked[0].jobs() == {}
    assert cluster.last() == before


def test_a_training_that_asked_for_a_gpu_and_sees_none_fails_at_once(cluster, ingested, tmp_path):
    """And the rest of the bake-off is done; the report says why."""
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["clusters"] |= {"models": ["deeper_sequential"], "losses": ["mse"]}
    config["bakeoffs"]["clusters"]["training"] = {"epochs": 10_000}
    bakeoff = branch(ingested, tmp_path / "work", config)
    before = cluster.last()
    done = bakeoff.snakemake(*HASTE, *NO_CONTAINERS, "--retries", "0", check=False)
    assert done.returncode != 0
    log = (bakeoff.folder / "results/logs/train/clusters/deeper_sequential/mse.log").read_text()
    assert "tensorflow sees no GPU, and the job asked for one (gpu=1)" in log
    assert "device: any" in log
    assert "epoch" not in log
    assert [job["State"] for job in of_rule(cluster.history(before), "train_clusters")] == ["FAILED"]
    with (bakeoff.folder / "results/comparison.csv").open(newline="") as stream:
        status = {row["model"]: row["status"] for row in csv.DictReader(stream)}
    assert status == {"deeper_sequential": "failed", "constant": "ok"}
    assert "sees no GPU" in (bakeoff.folder / "results/clusters/report.html").read_text()
