"""What a run's folder tells of the layers of its network."""

import math

import keras
import pytest

from skybake.results import run_folder
from skybake.training.architecture import save_architecture


@pytest.fixture(scope="module")
def network():
    keras.utils.clear_session()
    inputs = {"image": keras.Input((8, 8, 2), name="image"), "scalars": keras.Input((2,), name="scalars")}
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3)(inputs["image"]))
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), inputs["scalars"]])
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


def test_the_table_is_what_keras_tells(network, tmp_path):
    save_architecture(network, tmp_path)
    layers = run_folder.read_layers(tmp_path)
    assert [layer.layer for layer in layers] == [layer.name for layer in network.operations]
    assert sum(layer.parameters for layer in layers) == network.count_params()
    assert sum(layer.trainable for layer in layers) == sum(
        math.prod(weight.shape) for weight in network.trainable_weights
    )
    assert sum(layer.trainable for layer in layers) < network.count_params()  # moving means of batch normalisation
    found = {layer.layer: layer for layer in layers}
    assert (found["head"].type, found["head"].output_shape) == ("Dense", "(None, 2)")
    joined = next(layer for layer in layers if layer.type == "Concatenate")
    assert len(joined.connected_to.split(", ")) >= 2
    assert all(source in found for layer in layers for source in layer.connected_to.split(", ") if source)


def test_the_graph_has_an_arrow_for_each_connection_and_no_addresses(network, tmp_path):
    save_architecture(network, tmp_path)
    layers = run_folder.read_layers(tmp_path)
    text = (tmp_path / "architecture.dot").read_text()
    assert text.count(" -> ") == sum(len(layer.connected_to.split(", ")) for layer in layers if layer.connected_to)
    assert all(f"<b>{layer.layer}</b>" in text for layer in layers)
    assert {int(line.split()[0]) for line in text.splitlines() if line[:1].isdigit()} == set(range(len(layers)))
