"""Several labels of one network: missing ones are left out, and each is predicted in its own units."""

from dataclasses import replace

import numpy as np
import pytest

from skybake import heads
from skybake.data import splits
from skybake.data.columns import Column
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.evaluation import trained
from skybake.missing import MAGIC
from skybake.results import labels, predictions, run_folder
from skybake.training import backend
from skybake.training.train import train_job
from tests.conftest import SCHEMA
from tests.training_settings import job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras", "predictor.keras"]
NAMES = ("log10_mass", "z")
N = 60


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A dataset of two labels that images tell; the second one is small, and missing in every fifth object."""
    folder = tmp_path_factory.mktemp("both")
    rng = np.random.default_rng(3)
    mass, z = rng.normal(14.2, 0.35, N), rng.uniform(0.001, 0.009, N)
    z[::5] = MAGIC
    image = np.zeros((N, 16, 16, 2)) + np.column_stack([mass - 14.2, 100 * np.where(z > 0, z, 0)])[:, None, None]
    columns = {**SCHEMA.labels, "z": Column("km/s", "a velocity", outlier=0.001)}
    schema = replace(SCHEMA, labels=columns, label="log10_mass", scalars={})
    names = [f"o{number}" for number in range(N)]
    with create_dataset(folder / "dataset.h5", schema) as writer:
        writer.append(image=image, id=names, group=names, labels={"log10_mass": mass, "z": z}, scalars={})
    data = load_dataset(folder / "dataset.h5")
    splits.write(folder / "split.h5", *splits.make_all(data, {"strategy": "holdout", "seed": 1}))
    return folder


@pytest.fixture(scope="module")
def run(both):
    backend.start("tensorflow", threads=1, precision="float32")
    given = job("simple_sequential", "gaussian_nll", inputs=(), epochs=30).model_copy(update={"labels": NAMES})
    train_job(both / "dataset.h5", both / "split.h5", given, {1: both / "seed-1"}, both / ".work", FILES)
    return both / "seed-1"


def test_the_loss_is_the_sum_of_those_of_known_labels():
    from skybake import losses
    from skybake.losses._per_label import PerLabelLoss

    y = np.array([[1.0, 2.0], [0.5, MAGIC], [MAGIC, MAGIC]], np.float32)
    p = np.array([[0.0, 1.5], [0.2, 9.0], [9.0, 9.0]], np.float32)
    squared = PerLabelLoss("mse", [{}, {}], [1, 1])
    np.testing.assert_allclose(np.asarray(squared.call(y, p)), [1.0 + 0.25, 0.09, 0.0], rtol=1e-6)
    outputs = np.stack([p[:, 0], [0.1, 0.3, 9.0], p[:, 1], [-0.2, 9.0, 9.0]], axis=1).astype(np.float32)
    several = PerLabelLoss("gaussian_nll", [{}, {}], [2, 2])
    alone = losses.function("gaussian_nll")
    found = np.asarray(several.call(y, outputs))
    np.testing.assert_allclose(found, np.asarray(alone(y[:, :1], outputs[:, :2]) + alone(y[:, 1:], outputs[:, 2:])))
    again = PerLabelLoss.from_config(several.get_config())
    np.testing.assert_array_equal(np.asarray(again.call(y, outputs)), found)


def test_each_is_learnt_in_its_own_units(both, run):
    data, record = load_dataset(both / "dataset.h5"), run_folder.read_record(run)
    assert (record.label, record.labels) == ("log10_mass", NAMES)
    assert heads.of_dict(record.fitted_head).width == 2
    mass = run_folder.read_predictions(run, "test", data)
    rows, z = predictions.read_further(run / "predictions.h5", "test", "z")
    np.testing.assert_array_equal(data.ids[rows], mass.ids)
    known = data.labels["z"][rows] != MAGIC
    assert 0 < known.sum() < len(rows)
    assert np.corrcoef(mass.label, mass.prediction.point)[0, 1] > 0.9
    assert np.corrcoef(data.labels["z"][rows][known], z.point[known])[0, 1] > 0.8
    assert abs(z.point).max() < 0.1
    assert z.std.max() < 0.1
    with pytest.raises(ValueError, match="no predictions of the label 'size'"):
        predictions.read_further(run / "predictions.h5", "test", "size")


def test_the_predictor_gives_the_first(both, run):
    import keras

    data = load_dataset(both / "dataset.h5")
    rows = splits.load(both / "split.h5", data).test
    found = keras.saving.load_model(run / "predictor.keras").predict({"image": data.images(rows)}, verbose=0)
    known = run_folder.read_predictions(run, "test", data).prediction
    np.testing.assert_allclose(found["point"], known.point, rtol=1e-4)
    np.testing.assert_allclose(found["std"], known.std, rtol=1e-3)


def test_a_label_has_a_dataset_and_runs_of_its_own(both, run, tmp_path):
    labels.write_dataset(both / "dataset.h5", tmp_path / "dataset.h5", "z")
    whole, alone = load_dataset(both / "dataset.h5"), load_dataset(tmp_path / "dataset.h5")
    assert (alone.label, alone.digest, alone.image_shape) == ("z", whole.digest, whole.image_shape)
    np.testing.assert_array_equal(alone.images(np.arange(N)), whole.images(np.arange(N)))
    labels.write_runs({1: run}, {1: tmp_path / "seed-1"}, "small@z", alone)
    found = trained.read({1: tmp_path / "seed-1"}, alone)[1]
    assert (found.run.dataset, found.run.label, found.run.units) == ("small@z", "z", "km/s")
    part = found.parts["test"]
    assert (part.name, part.units) == ("z", "km/s")
    np.testing.assert_array_equal(
        part.prediction.std, predictions.read_further(run / "predictions.h5", "test", "z")[1].std
    )
