"""The published networks, layer by layer: each is built here in plain Keras, as its authors wrote it, and compared."""

import keras
import pytest
from keras import layers

from skybake import heads
from skybake.training import backend
from skybake.training.network import compose_network
from tests.training_settings import job

POINT = heads.HEADS["point"]()
WHAT_COUNTS = (  # of a layer's config; names, dtypes and the like do not
    *("filters", "units", "kernel_size", "strides", "padding", "use_bias", "activation", "kernel_initializer"),
    *("bias_initializer", "kernel_regularizer", "pool_size", "rate", "momentum", "epsilon", "axis", "negative_slope"),
)


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def classes(count):
    return heads.HEADS["logits"](bias=(0.0,) * count)


def simple(image):
    x = layers.MaxPooling2D((2, 2))(layers.Conv2D(30, (3, 3), activation="relu")(image))
    return layers.Dense(50, activation="relu")(layers.Flatten()(x))


def deeper(image):
    x = image
    for _ in range(3):
        x = layers.MaxPooling2D((2, 2))(layers.Conv2D(30, (3, 3), activation="relu")(x))
    return layers.Dense(50, activation="relu")(layers.Flatten()(x))


def nonsequential(image, redshift):
    x = image
    for first, second in ((30, 30), (30, 30), (64, 30)):
        x = layers.Conv2D(first, (3, 3), activation="relu")(x)
        x = layers.Conv2D(second, (3, 3), activation="relu")(x)
        x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Flatten()(x)
    for units in (200, 100, 2):
        x = layers.Dense(units, activation="relu")(x)
    return layers.concatenate([x, layers.Dense(1)(redshift)])


def dense(image):
    x = layers.Dense(30, activation="relu")(layers.Dense(30, activation="relu")(image))
    return layers.Flatten()(x)


def vgg6(image):
    x = layers.Conv2D(16, (3, 3), activation="relu")(image)
    x = layers.Conv2D(16, (3, 3), activation="relu")(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D((2, 2))(x))
    x = layers.Conv2D(32, (3, 3), activation="relu")(x)
    x = layers.Conv2D(32, (3, 3), activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D((4, 4))(x))
    return layers.Dropout(0.5)(layers.Dense(256, activation="relu")(layers.Flatten()(x)))


def convolved(x, filters, size, stride=1, padding="valid"):
    start = keras.initializers.GlorotUniform(seed=0)
    x = layers.Conv2D(filters, size, (stride, stride), padding=padding, kernel_initializer=start)(x)
    return layers.BatchNormalization(axis=3)(x)


def resnet50(image):
    x = layers.ZeroPadding2D((3, 3))(image)
    x = layers.Activation("relu")(convolved(x, 64, (7, 7), 2))
    x = layers.MaxPooling2D((3, 3), strides=(2, 2))(x)
    for filters, first_stride, blocks in ((64, 1, 3), (128, 2, 4), (256, 2, 6), (512, 2, 3)):
        for block in range(blocks):
            stride, shortcut = (1, x) if block else (first_stride, None)
            inner = layers.Activation("relu")(convolved(x, filters, (1, 1), stride))
            inner = layers.Activation("relu")(convolved(inner, filters, (3, 3), padding="same"))
            inner = convolved(inner, 4 * filters, (1, 1))
            if shortcut is None:
                shortcut = convolved(x, 4 * filters, (1, 1), stride)
            x = layers.Activation("relu")(layers.Add()([inner, shortcut]))
    return layers.Flatten()(x)


def inception(image):
    def convolved(x, filters, size):
        return layers.LeakyReLU()(layers.Conv2D(filters, size, padding="same")(x))

    def module(x, inner, outer, *, with_five=True):
        found = [convolved(x, outer, 1), convolved(convolved(x, inner, 1), outer, 3)]
        if with_five:
            found.append(convolved(convolved(x, inner, 1), outer, 5))
        pooled = layers.AveragePooling2D(2, strides=1, padding="same")(convolved(x, inner, 1))
        return layers.concatenate([*found, pooled])

    x = layers.AveragePooling2D(2)(convolved(image, 64, 5))
    x = layers.AveragePooling2D(2)(module(x, 48, 64))
    x = layers.AveragePooling2D(2)(module(x, 92, 128))
    return layers.Flatten()(module(x, 92, 128, with_five=False))


def lesson(image, rate=0.0):
    x = layers.MaxPooling2D((2, 2))(layers.Conv2D(50, (3, 3), activation="relu")(image))
    x = layers.MaxPooling2D((2, 2))(layers.Conv2D(50, (3, 3), activation="relu")(x))
    x = layers.Conv2D(50, (3, 3), activation="relu")(x)
    if rate:
        x = layers.Dropout(rate)(x)
    return layers.Dense(50, activation="relu")(layers.Flatten()(x))


CLUSTERS, STAMPS, GALAXIES, LESSONS = (50, 50, 10), (21, 21, 1), (32, 32, 5), (32, 32, 3)
PUBLISHED = {
    "simple_sequential": (simple, CLUSTERS, POINT, 866_831),
    "deeper_sequential": (deeper, CLUSTERS, POINT, 43_091),
    "nonsequential": (nonsequential, CLUSTERS, POINT, 106_282),
    "nonsequential_reference": (nonsequential, CLUSTERS, POINT, 106_282),
    "dense": (dense, STAMPS, classes(2), 27_452),
    "vgg6_reference": (vgg6, STAMPS, classes(2), 25_458),
    "resnet50_reference": (resnet50, STAMPS, classes(2), 23_585_538),
    "inception_small_reference": (inception, GALAXIES, classes(100), 1_436_000),
    "lesson_cnn": (lesson, LESSONS, classes(10), 87_060),
    "lesson_cnn_dropout_reference": (lambda image: lesson(image, 0.2), LESSONS, classes(10), 87_060),
}
BETTER = ("vgg6", "resnet50", "inception_small", "lesson_cnn_dropout")


def described(network):
    """Return what each layer is, in their order; an activation is one whichever class it has."""
    found = []
    for layer in network.layers:
        config, kind = layer.get_config(), type(layer).__name__
        if kind == "ReLU" or (kind == "Activation" and config["activation"] == "relu"):
            found.append(("relu", {}))
        else:
            facts = {name: plain(config[name]) for name in WHAT_COUNTS if name in config}
            if kind == "BatchNormalization":
                facts["axis"] %= len(layer.input.shape)  # 3 is the last one, as -1 is
            found.append((kind, facts))
    return found


def plain(value):
    if isinstance(value, dict) and "class_name" in value:  # an initialiser
        return value["class_name"], value["config"].get("seed")
    return tuple(value) if isinstance(value, list) else value


def composed(name, shape, head):
    keras.utils.clear_session()
    inputs = {"image": shape, **({"scalars": (1,)} if "nonsequential" in name else {})}
    return compose_network(job(name), inputs, head)


@pytest.mark.parametrize("name", PUBLISHED)
def test_layer_by_layer(name):
    build, shape, head, parameters = PUBLISHED[name]
    network = composed(name, shape, head)
    inputs = [keras.Input(shape)] + ([keras.Input((1,))] if "nonsequential" in name else [])
    activation = "relu" if name == "nonsequential_reference" else "linear"
    published = keras.Model(inputs, layers.Dense(head.width, activation=activation)(build(*inputs)))
    assert network.count_params() == published.count_params() == parameters
    ours, theirs = described(network), described(published)
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))
    shapes = [[tuple(weight.shape) for weight in built.weights] for built in (network, published)]
    assert sorted(shapes[0]) == sorted(shapes[1])
    if build not in (inception, resnet50, nonsequential):  # whose branches have no order
        assert ours == theirs


@pytest.mark.parametrize("name", BETTER)
def test_the_better_variant_has_a_name_of_its_own(name):
    _, shape, head, _ = PUBLISHED[f"{name}_reference"]
    assert described(composed(name, shape, head)) != described(composed(f"{name}_reference", shape, head))


@pytest.mark.parametrize(
    ("name", "parameters", "kind", "count"),
    [
        ("deeper_sequential", {"stages": 2, "dense": 3}, "Conv2D", 2),
        ("deeper_sequential", {"stages": 2, "dense": 3}, "Dense", 4),
        ("deeper_sequential", {"stages": 2, "convolutions_per_stage": 2}, "Conv2D", 4),
        ("dense", {"depth": 4}, "Dense", 5),
        ("vgg6", {"convolutions": 1, "dense": 2}, "Conv2D", 2),
        ("vgg6", {"convolutions": 1, "dense": 2}, "Dense", 3),
        ("inception", {"modules": 3, "dense": 1}, "Concatenate", 3),
        ("inception", {"modules": 3, "dense": 1}, "Dense", 2),
        ("inception", {"pooling": "maximum"}, "MaxPooling2D", 3),
        ("inception", {"activation": "tanh"}, "PReLU", 0),
        ("lesson_cnn", {"convolutions": 2, "dense": 0}, "Conv2D", 2),
        ("lesson_cnn", {"convolutions": 2, "dense": 0}, "Dense", 1),
    ],
)
def test_what_the_studies_varied_are_parameters(name, parameters, kind, count):
    keras.utils.clear_session()
    network = compose_network(job(name, parameters=parameters), {"image": GALAXIES}, classes(3))
    assert sum(type(layer).__name__ == kind for layer in network.layers) == count
