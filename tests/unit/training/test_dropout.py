"""Passes with dropout against what can be told by hand."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from skybake import heads
from skybake.training import backend, dropout, feeding, preprocessing

RATE, PASSES = 0.25, 400


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def prepared(n=3):
    """Return parts whose pixels (2, 2, 1) differ from object to object, and whose labels have another unit."""
    values = np.random.default_rng(1).uniform(1, 2, (n, 2, 2, 1)).astype(np.float32)
    images = feeding.Images(None, np.arange(n), in_memory=values)
    part = feeding.Subset(images, np.zeros((n, 1), np.float32))
    step = preprocessing.Affine(mean=np.array([14.0]), std=np.array([0.5]))
    return SimpleNamespace(parts={"valid": part, "test": part}, target_step=step), values.reshape(n, -1)


def network(*between):
    """Return the sum of what becomes of the pixels."""
    image = keras.Input((2, 2, 1), name="image")
    seen = image
    for layer in between:
        seen = layer(seen)
    total = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(keras.layers.Flatten()(seen))
    return keras.Model(image, total)


def passes(model, count=PASSES, seed=7):
    layers = dropout.wake(model)
    return dropout.passes_of(model, layers, prepared()[0], heads.HEADS["point"](), count, seed)[0]


def test_mean_and_variance_are_those_of_bernoulli():
    inner = keras.Sequential([keras.layers.Dropout(RATE)])  # within another layer
    found, pixels = passes(network(inner))["test"], prepared()[1]
    expected = np.sqrt((pixels**2).sum(axis=1) * RATE / (1 - RATE))  # of one pass
    assert (found.point - 14) / 0.5 == pytest.approx(pixels.sum(axis=1), abs=4 * expected.max() / np.sqrt(PASSES))
    assert found.epistemic / 0.5 == pytest.approx(expected, rel=0.15)
    assert found.aleatoric is None


def test_nothing_but_dropout_is_at_work():
    normalised = keras.layers.BatchNormalization()
    noise, none = keras.layers.GaussianNoise(1.0), keras.layers.Dropout(0.0)
    model = network(noise, normalised, none)
    before = model.predict(prepared()[0].parts["test"].images.in_memory, verbose=0)[:, 0]
    assert dropout.wake(model) == []
    normalised.moving_mean.assign([0.5])
    found = passes(network(noise, normalised, keras.layers.Dropout(1e-7)), 3)["test"]
    drawn = (found.point - 14) / 0.5
    assert found.epistemic == pytest.approx(np.zeros(3), abs=1e-5)
    assert drawn == pytest.approx(before - 4 * 0.5 / np.sqrt(1 + normalised.epsilon), abs=1e-4)


def test_the_same_seed_drops_the_same_and_another_one_other_units():
    model = network(keras.layers.Dropout(RATE))
    first, again, other = passes(model, 3), passes(model, 3), passes(model, 3, seed=8)
    assert np.array_equal(first["test"].point, again["test"].point)
    assert not np.array_equal(first["test"].point, other["test"].point)
    assert not np.array_equal(first["test"].point, first["valid"].point)


def test_a_network_without_dropout_predicts_once():
    found = passes(network())["test"]
    assert found.epistemic.tolist() == [0, 0, 0]
