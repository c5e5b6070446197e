"""The optimizers that a config may name are those of Keras, and train as Keras's own."""

import inspect
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from skybake.training import backend, optimizers
from skybake.training.settings import Training

TABLE = {get_args(block.model_fields["name"].annotation)[0]: block for block in optimizers.Optimizer.__subclasses__()}
NO_CHOICE = {  # classes of keras.optimizers that are none: why
    "Optimizer": "the base of all",
    "LossScaleOptimizer": "it wraps another; for float16",
    "MultiOptimizer": "it wraps others",
    "ScheduleFreeAdamW": "it has no use for a schedule, and other weights for prediction than for training",
}
NO_PARAMETERS = {
    *("use_ema", "ema_momentum", "ema_overwrite_frequency"),  # other weights for prediction than for training
    *("loss_scale_factor", "gradient_accumulation_steps"),  # for float16, and for less memory than a batch needs
}


@pytest.fixture(scope="module")
def keras():
    backend.start("tensorflow", threads=1, precision="float32", device="cpu")
    import keras

    return keras


def classes(keras):
    found = {name: item for name, item in vars(keras.optimizers).items() if inspect.isclass(item)}
    return {name: item for name, item in found.items() if issubclass(item, keras.optimizers.Optimizer)}


def test_every_optimizer_of_keras_may_be_named(keras):
    assert {name.lower() for name in classes(keras).keys() - NO_CHOICE.keys()} == set(TABLE)
    assert set(TABLE) == {
        get_args(block.model_fields["name"].annotation)[0] for block in get_args(get_args(optimizers.AnyOptimizer)[0])
    }


@pytest.mark.parametrize("name", TABLE)
def test_parameters_and_defaults_are_those_of_keras(name, keras):
    (build,) = [item for other, item in classes(keras).items() if other.lower() == name]
    expected = {
        key: parameter.default
        for key, parameter in inspect.signature(build.__init__).parameters.items()
        if key not in {"self", "name", "kwargs"} | NO_PARAMETERS
    }
    assert Training(optimizer=name).optimizer.model_dump(exclude={"name"}) == expected


@pytest.mark.parametrize("name", TABLE)
def test_each_trains_and_its_state_can_be_kept(name, keras):
    """Two steps, a copy of all its variables to another one, and two more: the same weights as after four."""
    from skybake.training.network import build_optimizer

    def network():
        keras.utils.set_random_seed(1)
        layers = [keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        block = Training(epochs=4, optimizer={"name": name, "weight_decay": 0.01, "clipnorm": 1.0}, batch_size=8)
        model.compile(build_optimizer(block, steps=1), loss="mse")
        return model

    def fit(model, epochs):
        model.fit(x, x.sum(axis=1, keepdims=True), batch_size=8, epochs=epochs, shuffle=False, verbose=0)

    x = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")
    straight, first, second = network(), network(), network()
    before = straight.get_weights()
    fit(straight, 4)
    fit(first, 2)
    second.optimizer.build(second.trainable_variables)
    for old, new in zip(
        [*first.variables, *first.optimizer.variables], [*second.variables, *second.optimizer.variables], strict=True
    ):
        new.assign(keras.ops.convert_to_numpy(old))
    fit(second, 2)
    assert any((old != new).any() for old, new in zip(before, straight.get_weights(), strict=True))
    assert all((a == b).all() for a, b in zip(straight.get_weights(), second.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "adamw", "weight_decay": -1}, "greater than or equal to 0"),
        ({"name": "adamw", "weight_decay": "much"}, "valid number"),
        ({"name": "lion", "epsilon": 1e-7}, "Extra inputs"),
        ({"name": "nadam", "beta_1": 1.0}, "less than 1"),
        ({"name": "muon", "ns_steps": 0}, "greater than or equal to 1"),
        ({"name": "sgd", "clipnorm": 1.0, "clipvalue": 1.0}, "clipped in one way"),
        ("schedulefreeadamw", "adamw"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        Training(optimizer=given)
