"""Models for stamps and course images: parameter counts, both tasks, small images, both backends."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from skybake import heads, plugins
from skybake.training import backend
from skybake.training.network import compose_network
from tests.conftest import ROOT
from tests.training_settings import job

NEW = ("dense", "dense_bn", "vgg6", "resnet50", "lesson_cnn", "lesson_cnn_dropout")
SMALL = {"resnet50": {"width": 4}}  # its 23 million parameters are counted once


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def compose(model, shape, head, **parameters):
    keras.utils.clear_session()
    return compose_network(job(model, parameters=parameters), {"image": shape}, head)


def classes(count):
    return heads.HEADS["logits"](bias=(0.0,) * count)


@pytest.mark.parametrize(
    ("model", "shape", "count", "parameters"),
    [
        ("dense", (21, 21, 1), 2, 27_452),
        ("dense_bn", (21, 21, 1), 2, 27_452 + 2 * 4 * 30),  # scale, shift and two moments a channel
        ("vgg6", (21, 21, 1), 2, 25_458),
        ("lesson_cnn", (32, 32, 3), 10, 87_060),
        ("lesson_cnn_dropout", (32, 32, 3), 10, 87_060),
    ],
)
def test_parameter_counts(model, shape, count, parameters):
    assert compose(model, shape, classes(count)).count_params() == parameters


def test_resnet50_has_the_published_networks_weights():
    """25,557,032 weights with 1,000 classes (torchvision's); less that last layer, a 3x3 stem in place of 7x7."""
    network = compose("resnet50", (32, 32, 3), classes(10))
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert trained == 25_557_032 - 2_049_000 - (49 - 9) * 3 * 64 + 10 * 2049
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)]
    assert len(layers) == 50 + 4  # and four shortcuts
    assert network.layers[-2].input.shape == (None, 4, 4, 2048)


@pytest.mark.parametrize("model", NEW)
def test_both_tasks_and_small_images(model):
    for shape, head in (
        ((21, 21, 1), heads.HEADS["gaussian"]()),
        ((8, 8, 2), classes(3)),
        ((5, 7, 1), heads.HEADS["binary"]()),
    ):
        network = compose(model, shape, head, **SMALL.get(model, {}))
        outputs = network({"image": np.ones((3, *shape), np.float32)})
        assert outputs.shape == (3, head.width)
        assert np.isfinite(outputs).all()


@pytest.mark.parametrize("model", ["simple_sequential", "deeper_sequential", "nonsequential", "inception_small"])
def test_cluster_and_photometric_redshift_models_classify(model):
    network = compose(model, (32, 32, 5), classes(4))
    predicted = classes(4).prediction(np.asarray(network({"image": np.ones((2, 32, 32, 5), np.float32)})))
    assert predicted.classes.shape == (2, 4)
    assert np.allclose(predicted.classes.sum(axis=1), 1)


def test_dropout_rate_is_the_share_set_to_zero():
    network = compose("lesson_cnn_dropout", (32, 32, 3), classes(10), rate=0.2)
    rates = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.2] * 3
    ones = np.ones((100, 100), np.float32)
    dropped = np.asarray(keras.layers.Dropout(0.2, seed=1)(ones, training=True))
    assert (dropped == 0).mean() == pytest.approx(0.2, abs=0.02)
    kinds = [type(layer) for layer in compose("lesson_cnn", (32, 32, 3), classes(10)).layers]
    assert keras.layers.Dropout not in kinds
    with pytest.raises(ValueError, match="rate"):
        compose("lesson_cnn_dropout", (32, 32, 3), classes(10), rate=1.5)


def test_batch_normalisation_is_where_it_was_announced():
    def normalisations(model):
        found = compose(model, (21, 21, 1), classes(2)).layers
        return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in found)

    assert (normalisations("dense"), normalisations("dense_bn"), normalisations("vgg6")) == (0, 2, 1)


def filters_by_size(model, **parameters):
    found = compose(model, (64, 64, 5), heads.HEADS["bins"](edges=tuple(np.linspace(0, 0.4, 181))), **parameters)
    sizes = [(layer.kernel_size[0], layer.filters) for layer in found.layers if isinstance(layer, keras.layers.Conv2D)]
    return found, {size: [filters for one, filters in sizes if one == size] for size in (1, 3, 5)}


def test_the_inceptions_are_the_published_ones():
    """Pasquet et al. 2019, fig. 5 and 6: stem, modules of n1 and n2 filters, the last without 5x5; average pooling."""
    small, filters = filters_by_size("inception_small")
    assert filters[5] == [64, 64, 128]  # the stem, and two modules
    assert filters[3] == [64, 128, 128]
    assert sorted(filters[1]) == sorted([64, *[48] * 3, 128, *[92] * 3, 128, *[92] * 2])
    full, filters = filters_by_size("inception")
    assert filters[5] == [64, 64, 92, 128, 128]
    assert filters[3] == [64, 92, 128, 128, 128]
    assert [layer.units for layer in full.layers if isinstance(layer, keras.layers.Dense)] == [1096, 1096, 180]
    for network, activation in ((small, keras.layers.LeakyReLU), (full, keras.layers.PReLU)):
        assert any(isinstance(layer, activation) for layer in network.layers)
        assert not any(isinstance(layer, keras.layers.MaxPooling2D) for layer in network.layers)
    other, _ = filters_by_size("inception_small", activation="prelu")
    assert not any(isinstance(layer, keras.layers.LeakyReLU) for layer in other.layers)
    with pytest.raises(ValueError, match=r"activation 'relu' found"):
        compose("inception_small", (32, 32, 5), classes(2), activation="relu")


JAX = """
import sys
import numpy as np
from skybake.training import backend
from skybake import heads
from skybake.training.network import compose_network
backend.start("jax", threads=1, precision="float32")
from tests.training_settings import job
for model in ("dense_bn", "vgg6"):  # JAX compiles for seconds for every layer; these have all but the residual sums
    network = compose_network(job(model), {"image": (9, 9, 1)}, heads.HEADS["logits"](bias=(0.0, 0.0)))
    outputs = np.asarray(network({"image": np.ones((2, 9, 9, 1), np.float32)}))
    assert outputs.shape == (2, 2) and np.isfinite(outputs).all(), model
assert "tensorflow" not in sys.modules
"""


def test_models_build_with_jax():
    pytest.importorskip("jax")
    finished = subprocess.run(
        [sys.executable, "-c", JAX],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_every_model_file_is_found():
    assert set(NEW) <= set(plugins.models())
    assert plugins.models()["lesson_cnn_dropout_reference"].parameters == {"rate": 0.2}
