"""A look inside networks: numbers that can be told by hand, and a network that was trained."""

import json

import h5py
import keras
import numpy as np
import pytest

from skybake import heads
from skybake.results import attributions
from skybake.training import attribution, backend
from skybake.training.settings import Occlusion
from skybake.training.train import train_job
from tests.training_settings import job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def network_of(outputs, image, scalars=None, number=lambda outputs: outputs[:, 0]):
    tensors = [image] if scalars is None else [image, scalars]
    return attribution.Network(keras.Model(tensors, outputs), None, number)


def weighted_sum(weights):
    """Return a network that multiplies pixels (4, 4, 2) with weights, and adds."""
    image = keras.Input((4, 4, 2), name="image")
    layer = keras.layers.Dense(1, use_bias=False)
    outputs = layer(keras.layers.Flatten()(image))
    layer.kernel.assign(weights.reshape(-1, 1))
    return network_of(outputs, image)


WEIGHTS = np.random.default_rng(1).standard_normal((4, 4, 2)).astype(np.float32)
IMAGE, BLANK = np.random.default_rng(2).standard_normal((2, 4, 4, 2)).astype(np.float32)


def test_of_a_weighted_sum_slopes_are_the_weights_and_shares_the_terms():
    network = weighted_sum(WEIGHTS)
    assert network.slopes(IMAGE[None])[0] == pytest.approx(WEIGHTS, abs=1e-6)
    shares, steps = attribution.integrated_gradients(network, IMAGE, BLANK)
    assert shares == pytest.approx(WEIGHTS * (IMAGE - BLANK), abs=1e-5)
    assert steps == attribution.STEPS


def test_occlusion_is_what_the_hidden_pixels_gave():
    network = weighted_sum(WEIGHTS)
    terms = (WEIGHTS * (IMAGE - BLANK)).sum(axis=-1)
    assert attribution.occlusion(network, IMAGE, BLANK, 1) == pytest.approx(terms, abs=1e-5)
    assert attribution.occlusion(network, IMAGE, BLANK, 4) == pytest.approx(np.full((4, 4), terms.sum()), abs=1e-5)
    twos = [[terms[y : y + 2, x : x + 2].sum() for x in range(3)] for y in range(3)]
    assert attribution.occlusion(network, IMAGE, BLANK, 2)[1, 0] == pytest.approx(
        np.mean([twos[0][0], twos[1][0]]), abs=1e-5
    )


def recipe(**given):
    return Occlusion(**{"patch": 3, "stride": 1, "place": "centre", **given})


def test_each_pixel_may_show_what_the_patch_around_it_gave():
    network = weighted_sum(WEIGHTS)
    terms = (WEIGHTS * (IMAGE - BLANK)).sum(axis=-1)
    threes = np.array([[terms[y : y + 3, x : x + 3].sum() for x in range(2)] for y in range(2)])
    found = attribution.occlusion(network, IMAGE, BLANK, 3, recipe())
    assert found[1:3, 1:3] == pytest.approx(threes, abs=1e-5)
    inner = np.zeros((4, 4), dtype=bool)
    inner[1:3, 1:3] = True
    assert found[~inner] == pytest.approx(np.full(12, threes.min()), abs=1e-5)  # the border has the least


def test_what_a_class_lacks_with_the_image_prepared_again_is_the_recipe_of_the_stamps():
    head = heads.HEADS["binary"]()
    plain = weighted_sum(WEIGHTS)
    network = attribution.Network(plain.model, None, attribution.missing_probability(head, 1))

    def prepared_again(images):
        return network(images / np.abs(images).max(axis=(1, 2, 3), keepdims=True))

    how = recipe(measure="missing_probability")
    found = attribution.occlusion(prepared_again, IMAGE, np.zeros_like(IMAGE), 3, how)
    hidden = IMAGE.copy()
    hidden[0:3, 1:4] = 0
    logit = (WEIGHTS * hidden / np.abs(hidden).max()).sum()
    assert found[1, 2] == pytest.approx(1 - 1 / (1 + np.exp(-logit)), abs=1e-5)
    with pytest.raises(ValueError, match="expected an odd patch and stride 1"):
        recipe(patch=4)


def test_grad_cam_of_a_weighted_sum_of_maps():
    image = keras.Input((4, 4, 2), name="image")
    maps = keras.layers.Conv2D(3, 1, use_bias=False, name="maps")
    bent = keras.layers.LeakyReLU(0.5, name="bent")(maps(image))
    outputs = keras.layers.Dense(1, use_bias=False, name="sum")(keras.layers.GlobalAveragePooling2D()(bent))
    network = network_of(outputs, image)
    layer = attribution.last_features(network.model)
    assert layer.name == "bent"
    kernel, weights = (np.asarray(network.model.get_layer(name).get_weights()[0]) for name in ("maps", "sum"))
    seen = IMAGE @ kernel[0, 0]
    seen = np.where(seen > 0, seen, 0.5 * seen)
    before = network(IMAGE[None])
    expected = np.maximum(seen @ weights[:, 0] / 16, 0)
    assert attribution.grad_cam(network, layer, IMAGE) == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(network(IMAGE[None]), before)
    assert attribution.last_features(weighted_sum(WEIGHTS).model) is None


def test_shares_add_up_where_the_network_is_no_sum():
    image = keras.Input((4, 4, 2), name="image")
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Conv2D(8, 3, activation="tanh")(image)))
    network = network_of(outputs, image)
    shares, _ = attribution.integrated_gradients(network, 3 * IMAGE, BLANK)
    low, high = network(np.stack([BLANK, 3 * IMAGE]))
    assert shares.sum() == pytest.approx(high - low, rel=attribution.COMPLETE)


def test_kernels_are_those_of_the_first_layer_that_sees_the_image():
    image, scalars = keras.Input((8, 8, 5), name="image"), keras.Input((3,), name="scalars")
    first = keras.layers.Conv2D(6, 5, name="stem")
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(first(image)))
    model = keras.Model([image, scalars], keras.layers.Concatenate()([keras.layers.Dense(2)(scalars), pooled]))
    name, values = attribution.kernels(model)
    assert name == "stem"
    assert values.shape == (5, 5, 5, 6)
    assert np.array_equal(values, keras.ops.convert_to_numpy(first.kernel))
    per_pixel = keras.layers.Dense(7)
    _, values = attribution.kernels(keras.Model(image, keras.layers.Flatten()(per_pixel(image))))
    assert np.array_equal(values[0, 0], keras.ops.convert_to_numpy(per_pixel.kernel))
    assert attribution.kernels(keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))) == ("", None)


def test_the_number_of_bins_is_their_mean_in_units_of_the_label():
    head = heads.HEADS["bins"](edges=(0.0, 1.0, 3.0), bias=(0.0, 0.0))
    outputs = keras.ops.convert_to_tensor(np.log([[0.25, 0.75]]).astype(np.float32))
    assert float(attribution.explained(head, 0.0, scale=0.1)(outputs)[0]) == pytest.approx(
        0.1 * (0.25 * 0.5 + 0.75 * 2)
    )


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    what = job("mixed_inception_small", "bin_crossentropy", loss_parameters={"count": 8}, epochs=1)
    train_job(*small, what, {1: folder / "seed-1"}, folder / ".work", FILES)
    return folder / "seed-1"


def test_a_trained_network_is_looked_into_and_kept(small, trained, tmp_path):
    methods = ["occlusion", "saliency", "integrated_gradients", "grad_cam", "kernels"]
    found = attribution.look(trained, *small, objects=2, seed=1, ids=None, methods=methods)
    assert found.explained == pytest.approx(found.predicted, rel=1e-5)
    assert found.integrated_gradients.sum(axis=(1, 2, 3)) == pytest.approx(found.explained - found.blank, rel=0.01)
    model = keras.saving.load_model(trained / "model.keras", compile=False)
    stem = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert np.array_equal(found.kernels, keras.ops.convert_to_numpy(stem.kernel))
    attributions.write(tmp_path / "inside.h5", found)
    again = attributions.read(tmp_path / "inside.h5")
    assert again.holds == {"maps", "occlusion", "kernels", "band_shares"}
    assert again.grad_cam.shape == again.images.shape[:3]
    assert again.cam_layer
    with pytest.raises(attribution.InsideError, match="of class 1 found; a number is predicted"):
        how = {"measure": "missing_probability"}
        attribution.look(trained, *small, objects=1, seed=1, ids=None, methods=["occlusion"], occlusion=how)
    assert np.array_equal(again.kernels, found.kernels)
    with pytest.raises(attribution.InsideError, match="no object 'nobody' in the test part"):
        attribution.look(trained, *small, objects=2, seed=1, ids=["nobody"], methods=[])


def test_another_dataset_and_another_network_are_refused(small, trained, tmp_path):
    for path in trained.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    record = json.loads((trained / "run.json").read_text())
    record["digests"]["dataset"] = "0" * 64
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(attribution.InsideError, match="trained on another dataset"):
        attribution.look(tmp_path, *small, objects=1, seed=1, ids=None, methods=["kernels"])
    (tmp_path / "run.json").write_bytes((trained / "run.json").read_bytes())
    with h5py.File(tmp_path / "predictions.h5", "r+") as file:
        file["test/prediction/point"][...] += 1
    with pytest.raises(attribution.InsideError, match="does not predict what it did"):
        attribution.look(tmp_path, *small, objects=1, seed=1, ids=None, methods=["kernels"])


def test_the_head_is_the_one_of_the_run(small, trained, monkeypatch):
    def fit(*_, **__):
        raise AssertionError("the head is fitted again")

    monkeypatch.setattr(heads, "fit", fit)
    found = attribution.look(trained, *small, objects=1, seed=1, ids=None, methods=["saliency"])
    assert found.saliency.shape[0] == 1
