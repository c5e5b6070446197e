"""Known errors of labels: from the dataset into the loss, of training and of validation, and into what judges it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from skybake.data import splits
from skybake.data.columns import Column
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.evaluation import judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.trained import read
from skybake.missing import present
from skybake.training import backend
from skybake.training.train import train_job
from tests.conftest import SCHEMA
from tests.training_settings import job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]
N = 60
WITH = {"label_errors": True}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """A dataset whose labels have known errors, from 0.01 to 1 dex; of two objects they are not known."""
    folder = tmp_path_factory.mktemp("noisy")
    rng = np.random.default_rng(3)
    sigma = 10 ** rng.uniform(-2, 0, N)
    true = rng.normal(14.2, 0.35, N)
    label = true + sigma * rng.standard_normal(N)
    label[4] = np.nan
    image = rng.normal(0, 0.1, (N, 16, 16, 2)) + (true - 14.2)[:, None, None, None]
    mass = replace(SCHEMA.labels["log10_mass"], known_error="log10_mass_error")
    error = Column("log10 Msun", "one sigma error", "uncertainty")
    schema = replace(SCHEMA, labels={"log10_mass": mass}, scalars={"log10_mass_error": error})
    with create_dataset(folder / "dataset.h5", schema) as writer:
        names = [f"object-{row}" for row in range(N)]
        kept = np.where(np.arange(N) % 30 == 7, np.nan, sigma)
        writer.append(
            image=image, id=names, group=names, labels={"log10_mass": label}, scalars={"log10_mass_error": kept}
        )
    split = splits.make(load_dataset(folder / "dataset.h5"), {"strategy": "holdout", "test": 0.3, "valid": 0.3})
    splits.write(folder / "split.h5", split)
    return folder / "dataset.h5", folder / "split.h5"


@pytest.fixture(scope="module")
def runs(noisy, tmp_path_factory):
    """The folder of a run without, and of one with the errors of labels."""
    backend.start("tensorflow", threads=1, precision="float32")
    found = {}
    for name, given in (("without", {}), ("with", WITH)):
        folder = tmp_path_factory.mktemp(name)
        what = job("lesson_cnn", "gaussian_nll", loss_parameters=given, inputs=(), epochs=2)
        train_job(*noisy, what, {1: folder / "seed-1"}, folder / ".work", FILES)
        found[name] = folder / "seed-1"
    return found


def test_the_validation_loss_is_the_likelihood_with_the_errors(runs, noisy):
    dataset = load_dataset(noisy[0])
    for name, folder in runs.items():
        record = json.loads((folder / "run.json").read_text())
        assert record.get("label_error", "") == ("log10_mass_error" if name == "with" else "")
        found = read({1: folder}, dataset)[1]
        part = found.parts["valid"]
        known, (scale,) = present(part.label), record["targets"]["std"]
        error = np.nan_to_num(part.scalars["log10_mass_error"]) if name == "with" else 0.0
        spread = np.hypot(part.prediction.std, error)
        likelihood = stats.norm.logpdf(part.label, part.prediction.point, spread) + np.log(scale)
        expected = -np.sum(likelihood[known]) / len(known)
        assert found.history.val_loss.min() == pytest.approx(expected, rel=1e-4), name


def test_errors_of_labels_train_another_network(runs):
    records = [json.loads((folder / "run.json").read_text()) for folder in runs.values()]
    assert records[0]["fingerprint"] != records[1]["fingerprint"]
    assert records[0]["files"]["model.keras"] != records[1]["files"]["model.keras"]
    assert records[1]["loss_parameters"] == WITH


def test_labels_are_judged_with_their_errors_where_the_loss_knew_them(runs, noisy):
    dataset = load_dataset(noisy[0])
    for name, folder in runs.items():
        part = read({1: folder}, dataset)[1].parts["test"]
        known = present(part.label)
        error = np.nan_to_num(part.scalars["log10_mass_error"]) if name == "with" else 0.0
        spread = np.hypot(part.prediction.std, error)[known]
        pooled = judging.regression({1: part}, Bootstrap(draws=20, level=0.9, seed=1), 0.3)["pooled"]
        away = stats.norm.logpdf(part.label[known], part.prediction.point[known], spread)
        assert pooled["nll"]["value"] == pytest.approx(-away.mean(), rel=1e-6)
        inside = np.abs(part.label - part.prediction.point)[known] <= stats.norm.ppf(0.84) * spread
        assert pooled["coverage_68"]["value"] == pytest.approx(inside.mean())


def test_a_dataset_without_errors_is_told(small, tmp_path):
    what = job("lesson_cnn", "robust_mse", loss_parameters=WITH, inputs=())
    with pytest.raises(ValueError, match="no known errors of log10_mass found"):
        train_job(*small, what, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES)
