"""A sweep end to end: every point trained, one chosen on validation, only that one tested."""

import copy
import csv
import json
import os

import h5py
import numpy as np
import pytest

from tests.workflow.conftest import CONFIG, Bakeoff, copy_checkout

SWEPT = "results/clusters/sweeps/deeper_sequential/huber"


def config(*deltas):
    given = copy.deepcopy(CONFIG)
    del given["datasets"]["galaxies"], given["bakeoffs"]["galaxies"]
    given["figures"] = {"run": ["loss_curve"], "comparison": ["forest", "swept_values"], "explore": []}
    given["bakeoffs"]["clusters"] |= {
        "models": ["deeper_sequential"],
        "losses": ["huber"],
        "baselines": ["constant"],
        "sweep": {"losses": {"huber": {"delta": list(deltas)}}},
    }
    return given


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "checkout").mkdir()
    bakeoff = Bakeoff(folder / "work", copy_checkout(folder / "checkout"))
    bakeoff.write(config(0.1, 2.0))
    bakeoff.snakemake()
    return bakeoff


def test_only_the_chosen_point_has_a_test_number(swept):
    said = json.loads((swept.folder / SWEPT / "sweep.json").read_text())
    assert [point["point"] for point in said["points"]] == ["delta=0.1", "delta=2.0"]
    means = {point["point"]: point["mean"] for point in said["points"]}
    assert said["chosen"] == min(means, key=means.get)
    with (swept.folder / "results" / "comparison.csv").open(newline="") as stream:
        rows = {row["model"]: row for row in csv.DictReader(stream)}
    assert set(rows) == {"deeper_sequential", "constant"}
    assert rows["deeper_sequential"]["point"] == said["chosen"]
    assert rows["deeper_sequential"]["points"] == "2"
    assert float(rows["deeper_sequential"]["rmse"]) > 0
    for path in (swept.folder / SWEPT).glob("delta=*/seed-*/predictions.h5"):
        with h5py.File(path) as file:
            assert "test" not in file
    tested = swept.folder / "results/clusters/runs/deeper_sequential/huber/seed-1"
    chosen = swept.folder / SWEPT / said["chosen"] / "seed-1"
    assert (tested / "model.keras").read_bytes() == (chosen / "model.keras").read_bytes()


def test_the_page_and_the_figure_show_the_sweep(swept):
    page = (swept.folder / "results/clusters/report.html").read_text(encoding="utf-8")
    assert "of 2 points" in page
    assert "delta=2.0" in page
    assert (swept.folder / "results/clusters/figures/swept_values.pdf").read_bytes().startswith(b"%PDF")


def test_the_choice_is_the_same_without_any_test_label(swept, tmp_path):
    blind = Bakeoff(tmp_path, swept.checkout)
    blind.write(config(0.1, 2.0))
    split, dataset = "results/clusters/split-40.h5", tmp_path / "results/clusters/dataset.h5"
    blind.snakemake(split)
    before = dataset.stat()
    with h5py.File(tmp_path / split) as rows, h5py.File(dataset, "r+") as file:
        labels = file["label"][next(iter(file["label"]))]
        values = labels[:]
        values[rows["test"][:]] = np.nan
        labels[:] = values
    os.utime(dataset, ns=(before.st_atime_ns, before.st_mtime_ns))
    blind.snakemake("swept")
    assert (tmp_path / SWEPT / "sweep.json").read_bytes() == (swept.folder / SWEPT / "sweep.json").read_bytes()
    failed = blind.snakemake(check=False)
    assert failed.returncode != 0
    assert "test objects has a label" in failed.stdout + "".join(
        path.read_text() for path in (tmp_path / "results/logs/judge").rglob("*.log")
    )


def test_another_value_trains_only_that_one(swept):
    swept.write(config(0.1, 0.5, 2.0))
    try:
        jobs = swept.jobs()
        assert jobs["train_point_clusters"] == 1
        assert jobs["choose_point"] == 1
        assert "train_clusters" not in jobs
    finally:
        swept.write(config(0.1, 2.0))


def test_a_second_run_has_nothing_to_do(swept):
    assert swept.jobs() == {}


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """One dataset in three folds, and one on which three trials go through three rungs."""
    given = config(0.1)
    given["figures"] = {"run": [], "comparison": [], "explore": []}
    once, network = given["datasets"].pop("clusters"), {"models": ["deeper_sequential"], "losses": ["huber"]}
    given["datasets"] = {"once": once, "folded": {**once, "split": {"strategy": "kfold", "folds": 3}}}
    search = {"losses": {"huber": {"delta": {"low": 0.1, "high": 2.0}}}, "search": {"trials": 3, "halving": True}}
    given["bakeoffs"] = {
        "folds": {**network, "datasets": ["folded"], "seeds": [1], "training": {"epochs": 1}},
        "search": {**network, "datasets": ["once"], "seeds": [1], "training": {"epochs": 9}, "sweep": search},
    }
    bakeoff = Bakeoff(tmp_path_factory.mktemp("divided"))
    bakeoff.write(given)
    bakeoff.snakemake()
    return bakeoff


def test_every_object_is_tested_in_one_of_the_folds(divided):
    runs = divided.folder / "results/folded/runs/deeper_sequential"
    with h5py.File(divided.folder / "results/folded/dataset.h5") as file:
        objects = len(file["id"])
    tested = []
    for folder in ("huber", "huber@fold-1", "huber@fold-2", "huber@fold-3"):
        with h5py.File(runs / folder / "seed-1" / "predictions.h5") as file:
            tested.append(file["test"]["row"][:])
    assert sorted(tested[0]) == list(range(objects))
    assert np.array_equal(np.concatenate(tested[1:]), tested[0])
    metrics = divided.folder / "results/folded/evaluation/deeper_sequential/huber/metrics.json"
    assert json.loads(metrics.read_text())["test"]["objects"] == objects


def test_one_of_three_trials_goes_on_and_the_others_end_at_once(divided):
    folder = divided.folder / "results/once/sweeps/deeper_sequential/huber"
    (winner,) = json.loads((folder / "rung-1.json").read_text())["goes_on"]
    said = json.loads((folder / "sweep.json").read_text())
    told = {item["point"]: item["values"]["epochs"] for item in said["points"]}
    assert sorted(told.values()) == [1, 1, 1, 3, 9]
    assert said["chosen"] in told
    places = [path.parent for path in folder.glob("*-epochs=*/seed-1/run.json")]
    assert len(places) == 9
    for place in places:
        run, name = json.loads((place / "run.json").read_text()), place.parent.name
        assert run["epochs"] == told.get(name, 1)
        assert run.get("left_out", "") == ("" if name in told else "not continued after 1 epochs")
    assert all(name.startswith(winner) for name, epochs in told.items() if epochs > 1)
    logs = divided.folder / "results/logs/train/once/deeper_sequential/huber"
    assert "going on after epoch 3" in (logs / f"{winner}-epochs=9.log").read_text()
