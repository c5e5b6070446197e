"""What a network sees of the data: the middle of images, some bands, some training objects."""

import json

import keras
import numpy as np
import pytest

from skybake import heads
from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.results import run_folder
from skybake.training import runs
from skybake.training.network import compose_network
from skybake.training.train import train_job
from tests.training_settings import job

POINT = heads.HEADS["point"]()


def test_pixels_beyond_the_crop_and_other_bands_do_not_matter():
    given = job("deeper_sequential", inputs=(), crop=8, bands=["r", "g"])
    network = compose_network(given, {"image": (16, 17, 3)}, POINT, bands=("g", "r", "i"))
    images = np.random.default_rng(0).normal(size=(2, 16, 17, 3)).astype(np.float32)
    before = network.predict(images, verbose=0)
    hidden = np.full_like(images, 50)
    hidden[:, 4:12, 4:12, :2] = images[:, 4:12, 4:12, :2]
    assert np.array_equal(network.predict(hidden, verbose=0), before)
    for rows, band in ((slice(4, 8), 0), (slice(8, 12), 1)):
        seen = images.copy()
        seen[:, rows, rows, band] += 5
        assert not np.array_equal(network.predict(seen, verbose=0), before)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bands": ["u"]}, "training.bands: no band 'u' found; expected some of g, r"),
        ({"crop": 17}, "training.crop: 17 found; expected at most the side of 16 x 16"),
    ],
)
def test_what_an_image_does_not_have_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        compose_network(job(inputs=(), **changes), {"image": (16, 16, 2)}, POINT, bands=("g", "r"))


def test_fewer_training_objects_are_some_of_more_and_the_other_parts_stay(small):
    whole = runs.load(*small, "log10_mass")
    some, more = (runs.limited(whole, most) for most in (10, 40))
    assert len(some.split.train) == 10
    assert set(some.split.train) < set(more.split.train) < set(whole.split.train)
    assert np.array_equal(some.split.test, whole.split.test)
    assert runs.limited(whole, 10_000) is whole


def test_a_network_of_some_pixels_predicts_alike_when_it_is_loaded(small, tmp_path):
    dataset, split = small
    bands = load_dataset(dataset).bands
    given = job("deeper_sequential", inputs=(), epochs=1, crop=20, bands=[bands[1]], max_train_objects=24)
    files = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras", "predictor.keras"]
    train_job(dataset, split, given, {1: tmp_path / "run"}, tmp_path / ".work", files)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["n_train"] == 24
    opened = load_dataset(dataset)
    images = opened.images(splits.load(split, opened).test)
    found = keras.saving.load_model(tmp_path / "run" / "predictor.keras")({"image": images})
    known = run_folder.read_predictions(tmp_path / "run", "test", opened).prediction.point
    assert np.allclose(keras.ops.convert_to_numpy(found["point"]), known, rtol=1e-4)
