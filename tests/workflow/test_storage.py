"""The workflow with Snakemake's storage: scripts see copies on another disk, and the results are the same."""

import copy
import csv
import json

import pytest

from skybake.data.dataset import load_dataset
from skybake.report.rows import OK
from tests.workflow.conftest import CONFIG, Bakeoff

HEALTHY, HOPELESS = 1e-3, 1e30  # learning rates
MEASURED = (
    "train_seconds",
    "epoch_seconds",
    "predict_objects_per_second",
    "peak_memory_mb",
    "train_seconds_change_percent",
)  # no two runs take the same


def config(rate=HEALTHY):
    """A swept network that is looked into, one as it is, and a baseline."""
    common = {"datasets": ["clusters"], "losses": ["mse"], "seeds": [1]}
    swept = {"models": ["deeper_sequential"], "sweep": {"training": {"batch_size": [16, 32]}}, "inside": {"objects": 1}}
    plain = {"models": ["simple_sequential"], "baselines": ["constant"]}
    optimizer = {"name": "sgd", "learning_rate": rate}
    return {
        "title": "A test",
        "datasets": {"clusters": copy.deepcopy(CONFIG["datasets"]["clusters"])},
        "bakeoffs": {
            "swept": {**common, **swept, "training": {"epochs": 1}},
            "plain": {**common, **plain, "training": {"epochs": 1, "optimizer": optimizer, "labels": "none"}},
        },
        "figures": {
            "run": ["predicted_against_true"],
            "comparison": ["forest", "swept_values", "overlaid_loss_curves"],
            "explore": ["labels_and_scalars"],
            "inside": ["attribution_maps"],
        },
        "statistics": {"draws": 100},
        "compare_with": {"model": "deeper_sequential", "loss": "mse"},
    }


class Stored(Bakeoff):
    """A bake-off whose results are in ``store``; jobs see copies of their files below ``node``."""

    def __init__(self, folder):
        super().__init__(folder / "work")
        self.store, self.node = folder / "store", folder / "node"

    def start(self, *arguments, **options):
        where = ["--default-storage-prefix", str(self.store), "--local-storage-prefix", str(self.node)]
        return super().start(*arguments, "--default-storage-provider", "fs", *where, **options)


@pytest.fixture(scope="module")
def stored(rsync, tmp_path_factory):
    bakeoff = Stored(tmp_path_factory.mktemp("stored"))
    bakeoff.write(config())
    bakeoff.snakemake()
    return bakeoff


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    bakeoff = Bakeoff(tmp_path_factory.mktemp("ordinary"))
    bakeoff.write(config())
    bakeoff.snakemake()
    return bakeoff


def files(results):
    """Return relative path -> path of results that Snakemake was told of; logs and benchmarks left out."""
    found = {path.relative_to(results): path for path in results.rglob("*") if path.is_file()}
    return {
        name: path
        for name, path in found.items()
        if name.parts[0] not in ("logs", "benchmarks")
        and ".work" not in name.parts
        and not name.name.startswith(".snakemake")
    }


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return [{**row, **dict.fromkeys(MEASURED)} for row in csv.DictReader(stream)]


def test_results_are_those_of_an_ordinary_run(ordinary, stored):
    expected, found = files(ordinary.folder / "results"), files(stored.store / "results")
    assert set(found) == set(expected)
    of_times = ("timing.json", "comparison.csv", "comparison.tex", "report.html")
    compared = [name for name in expected if name.name not in of_times]
    for name in compared:
        assert found[name].read_bytes() == expected[name].read_bytes(), name
    for kind, least in (("predictions.h5", 5), ("metrics.json", 3), ("model.keras", 4), ("inside.h5", 1), ("*.png", 7)):
        assert sum(name.match(kind) for name in compared) >= least, kind
    for name in ("comparison.csv", "clusters/comparison.csv"):
        both = [rows(bakeoff / "results" / name) for bakeoff in (ordinary.folder, stored.store)]
        assert both[0] == both[1]
        assert {row["status"] for row in both[0]} == {OK}
        assert {row["reference"] for row in both[0]} == {"deeper_sequential, mse"}
        changes = {row["model"]: float(row["std_error_change_percent"]) for row in both[0]}
        assert changes.pop("deeper_sequential") == 0
        assert 0 not in changes.values()
    link = 'href="inside/deeper_sequential/mse/figures/"'
    for results in (ordinary.folder / "results", stored.store / "results"):
        assert link in (results / "clusters/report.html").read_text(encoding="utf-8")


def test_no_result_ever_lay_in_the_working_directory(stored):
    assert files(stored.folder / "results") == {}
    left = {path.name for path in (stored.folder / "results").rglob("*") if path.is_dir()}
    assert {".work", "seed-1"} <= left  # what survives a failed job stays on the shared disk
    copies = stored.node / "fs" / str(stored.store).lstrip("/") / "results"
    assert not list(copies.rglob("*.h5"))
    assert "finished" in (stored.store / "results/logs/train/clusters/simple_sequential/mse.log").read_text()


def test_a_second_run_has_nothing_to_do(stored):
    assert stored.jobs() == {}


def test_raw_files_come_from_the_storage_too(stored):
    given = config()
    raw = {"images": "results/clusters/raw/images.pickle", "catalogue": "results/clusters/raw/catalogue.feather"}
    given["datasets"]["again"] = {"survey": "efeds", "raw": raw}
    stored.write(given)
    try:
        assert stored.snakemake("results/again/dataset.h5")
    finally:
        stored.write(config())
    made, first = (load_dataset(stored.store / "results" / name / "dataset.h5") for name in ("again", "clusters"))
    assert (made.digest, made.raw, made.mock) == (first.digest, first.raw, False)


def test_a_failed_training_is_shown(stored):
    """Of a training that succeeded once and fails today, no old number may be left."""
    stored.write(config(HOPELESS))
    try:
        done = stored.snakemake(check=False)
    finally:
        stored.write(config())
    assert done.returncode != 0
    assert "clusters: simple_sequential, mse" in done.stdout
    for name in ("comparison.csv", "clusters/comparison.csv"):
        status = {row["model"]: row["status"] for row in rows(stored.store / "results" / name)}
        assert status == {"deeper_sequential": OK, "constant": OK, "simple_sequential": "failed"}
        assert {row["reference"] for row in rows(stored.store / "results" / name)} == {"deeper_sequential, mse"}
    page = (stored.store / "results/clusters/report.html").read_text(encoding="utf-8")
    assert "TrainingDiverged" in page
    assert files(stored.folder / "results") == {}
    stored.snakemake()
    assert {row["status"] for row in rows(stored.store / "results/comparison.csv")} == {OK}
    metrics = stored.store / "results/clusters/evaluation/simple_sequential/mse/metrics.json"
    assert json.loads(metrics.read_text())["seeds"] == [1]
