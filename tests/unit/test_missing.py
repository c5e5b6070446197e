"""A number is known or missing, and everywhere the same is meant by it."""

import shutil

import h5py
import numpy as np
import pytest

from skybake import baselines
from skybake.data.columns import check_classes, class_column
from skybake.data.dataset import load_dataset
from skybake.metrics import in_bins, regression
from skybake.missing import MAGIC, present
from skybake.results import run_folder
from skybake.training import preprocessing
from skybake.training.job import Job

MARKS = [MAGIC, np.nan, np.inf, -np.inf]


def test_what_is_known():
    values = np.array([[0.0, -9999.5, *MARKS], [1e300, -9998.0, *MARKS]])
    assert present(values).tolist() == [[True, True, False, False, False, False]] * 2
    assert present(np.array([1, -9999])).tolist() == [True, False]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_counts_nowhere(mark):
    values = np.array([1.0, mark, 3.0])
    fitted = preprocessing.fit_affine(values[:, None])
    assert (fitted.mean, fitted.std) == (2, 1)
    assert fitted.apply(values[:, None])[:, 0].tolist() == [-1, MAGIC, 1]
    assert regression.errors(values, np.zeros(3)).tolist() == [-1, -3]
    assert in_bins.edges(values, 1).tolist() == [1, 3]
    check_classes({"class": class_column(["a", "b", "c", "d"])}, {"class": values}, ["x", "y", "z"])


@pytest.fixture(scope="module")
def fit(small, tmp_path_factory):
    """Fit a baseline, with a mark for some scalars and labels; return what it predicts of the test part."""

    def fitted(mark):
        folder = tmp_path_factory.mktemp("marked")
        shutil.copy(small[0], folder / "dataset.h5")
        with h5py.File(folder / "dataset.h5", "r+") as file:
            for name in ("scalar/redshift", "label/log10_mass"):
                file[name][::7] = mark
        job = Job(
            dataset="a",
            model="redshift_only",
            loss="baseline",
            library_model="redshift_only",
            label="log10_mass",
            inputs=("redshift",),
        )
        files = ["predictions.h5", "run.json", "timing.json", "history.csv"]
        baselines.fit_job(folder / "dataset.h5", small[1], job, {1: folder / "1"}, folder / "work", files)
        return run_folder.read_predictions(folder / "1", "test", load_dataset(folder / "dataset.h5")).prediction.point

    return fitted


def test_a_baseline_takes_no_mark_for_a_number(fit):
    expected, *others = [fit(mark) for mark in (np.nan, np.inf, MAGIC)]
    assert np.ptp(expected) > 0
    for other in others:
        assert np.array_equal(expected, other)
