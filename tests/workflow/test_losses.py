"""Every loss, trained for real on small data: it must beat the constant, and its uncertainties must be calibrated."""

import csv
import pickle

import numpy as np
import pandas as pd
import pytest

from skybake import plugins
from tests.workflow.conftest import Bakeoff

N, SIZE, SCATTER = 2000, 16, 0.12  # objects, pixels a side, and the part of the label that no image shows [dex]
REGRESSION = {
    name: part.constants
    for name, part in plugins.losses().items()
    if "regression" in part.constants["tasks"] and name == part.constants["function"]  # aliases are the same function
}
TRAINING = sorted(name for name, facts in REGRESSION.items() if facts.get("trains", True))
# The batch-summed expectation is the fault of the published loss, kept to reproduce it.
BEATING = [name for name in TRAINING if name != "expectation_batchsum"]
# The squared error of the expectation fixes the mean of the bins and leaves their width to chance.
CALIBRATED = [
    name
    for name in BEATING
    if REGRESSION[name]["head"] != "point" and name not in ("expectation", "expectation_batchsum")
]


def write_raw(folder, n=N):
    """Write raw files of the efeds survey: n round blobs whose total flux tells the label, but for its scatter."""
    rng = np.random.default_rng(8)
    truth = rng.normal(14.2, 0.3, n)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    profile = np.exp(-0.5 * (x**2 + y**2) / 2.0**2)
    image = 10 ** (truth - 14.2)[:, None, None, None] * profile[None, :, :, None] * np.array([1.0, 0.7])
    image = (image + rng.normal(0, 0.1, image.shape)).astype(np.float32)
    with (folder / "cubes.pkl").open("wb") as stream:
        pickle.dump({"cluster": np.arange(n), "gsm_3dImgs": image}, stream, protocol=4)
    mass = 10 ** (truth + rng.normal(0, SCATTER, n))
    pd.DataFrame({"M500c": mass, "z": rng.uniform(0.1, 0.9, n)}).to_feather(folder / "catalogue.feather")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Return loss -> row of comparison.csv."""
    bakeoff = Bakeoff(tmp_path_factory.mktemp("losses"))
    write_raw(bakeoff.folder)
    bakeoff.write(
        {
            "datasets": {
                "blobs": {
                    "survey": "efeds",
                    "raw": {"images": "cubes.pkl", "catalogue": "catalogue.feather"},
                    "split": {"strategy": "fractions", "train": 0.5, "valid": 0.15, "test": 0.35},
                }
            },
            "bakeoffs": {
                "losses": {
                    "datasets": ["blobs"],
                    "models": [{"deeper_sequential": {"filters": 8, "units": 16}}],
                    "losses": TRAINING,
                    "baselines": ["constant"],
                    "seeds": [1],
                    "training": {"epochs": 25, "schedule": "cosine", "optimizer": {"learning_rate": 0.003}},
                }
            },
            "figures": {"run": ["pit_histogram"], "comparison": ["forest"], "explore": ["labels_and_scalars"]},
            "statistics": {"draws": 200},
        }
    )
    bakeoff.snakemake()
    with (bakeoff.folder / "results/comparison.csv").open(newline="") as stream:
        found = {row["loss"]: row for row in csv.DictReader(stream)}
    columns = ("rmse", "mean_error", "std_error", "nmad", "crps", "nll", "pit_ks", "coverage_68")
    print("loss", *columns, sep="\t")
    for loss, row in sorted(found.items()):
        print(loss, *(row[name][:7] for name in columns), sep="\t")
    return found


def test_all_losses_are_there(rows):
    assert len(BEATING) > 15
    assert set(rows) == {*TRAINING, "baseline"}


@pytest.mark.parametrize("loss", BEATING)
def test_a_loss_beats_the_constant(loss, rows):
    assert float(rows[loss]["rmse"]) < 0.7 * float(rows["baseline"]["rmse"])


@pytest.mark.parametrize("loss", CALIBRATED)
def test_a_predicted_distribution_is_calibrated(loss, rows):
    assert float(rows[loss]["pit_ks"]) < 0.1
    assert float(rows[loss]["crps"]) < 0.7 * float(rows["baseline"]["mae"])


def test_the_batch_summed_expectation_does_worse(rows):
    assert float(rows["expectation_batchsum"]["rmse"]) > 1.2 * float(rows["expectation"]["rmse"])
