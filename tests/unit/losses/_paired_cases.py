"""Networks of two outputs that are trained as astroNN's page shows, and the same as networks of one output.

``python -m tests.unit.losses._paired_cases OUT`` writes what becomes of them on the framework of KERAS_BACKEND.
"""

import sys

import keras
import numpy as np

from skybake import losses
from skybake.losses import (
    PairedModel,
    bayesian_binary_crossentropy_var_wrapper,
    bayesian_binary_crossentropy_wrapper,
    bayesian_categorical_crossentropy_var_wrapper,
    bayesian_categorical_crossentropy_wrapper,
    binary_accuracy,
    categorical_accuracy,
    mse_lin_wrapper,
    mse_var_wrapper,
)

N, MAGIC = 48, -9999.0
RNG = np.random.default_rng(5)
X = RNG.normal(size=(N, 3)).astype(np.float32)
NUMBERS = (X @ [[1.0, 0.5], [-1.0, 0.2], [0.3, 1.0]]).astype(np.float32)
ERRORS = RNG.uniform(0.1, 1, NUMBERS.shape).astype(np.float32)
NUMBERS[::7, 0] = ERRORS[::5, 1] = NUMBERS[3] = MAGIC
CLASSES = np.where(np.arange(N) % 9 == 4, MAGIC, NUMBERS.argmax(axis=1))[:, None].astype(np.float32)
YES_OR_NO = np.where(NUMBERS == MAGIC, MAGIC, NUMBERS > 0).astype(np.float32)
RATE = 0.02


def _inputs():
    image, labels_err_tensor = keras.Input((3,), name="image"), keras.Input((2,), name="labels_err")
    keras.utils.set_random_seed(2)
    features = keras.layers.Dense(4, activation="tanh", name="features")(image)
    return image, labels_err_tensor, features


def numbers():
    """Return the two models, what both are given, and the name of the loss of one output."""
    image, labels_err_tensor, features = _inputs()
    output = keras.layers.Dense(2, name="output")(features)
    variance_output = keras.layers.Dense(2, name="variance_output")(features)
    model = PairedModel(inputs=[image, labels_err_tensor], outputs=[output, variance_output])
    output_loss = mse_lin_wrapper(variance_output, labels_err_tensor)
    predictive_variance_loss = mse_var_wrapper(output, labels_err_tensor)
    model.compile(optimizer=_rate(1), loss={"output": output_loss, "variance_output": predictive_variance_loss})
    alone = keras.Model(image, keras.ops.concatenate([output, variance_output], axis=-1))
    return model, alone, ([X, ERRORS], NUMBERS), (X, np.hstack([NUMBERS, ERRORS])), "robust_mse"


def classes():
    """Return the same of three classes; the other wrappers of labels that are known or not."""
    return _classes(
        2, CLASSES, bayesian_categorical_crossentropy_wrapper, bayesian_categorical_crossentropy_var_wrapper,
        categorical_accuracy, "robust_categorical_crossentropy",
    )  # fmt: skip


def yes_or_no():
    """Return the same of two yes-or-no labels."""
    return _classes(
        2, YES_OR_NO, bayesian_binary_crossentropy_wrapper, bayesian_binary_crossentropy_var_wrapper,
        binary_accuracy(from_logits=True), "robust_binary_crossentropy",
    )  # fmt: skip


def _classes(width, y, of_logits, of_variance, metric, name):
    image, _, features = _inputs()
    output = keras.layers.Dense(width, name="output")(features)
    variance_output = keras.layers.Dense(width, activation="softplus", name="variance_output")(features)
    model = PairedModel(inputs=image, outputs=[output, variance_output])
    model.compile(
        optimizer=_rate(1),
        loss={"output": of_logits(variance_output), "variance_output": of_variance(output)},
        metrics={"output": [metric]},
    )
    alone = keras.Model(image, keras.ops.concatenate([output, keras.ops.log(variance_output)], axis=-1))
    return model, alone, (X, y), (X, y), name


def _rate(times):
    return keras.optimizers.SGD(times * RATE)


def _weights(model):
    layers = [model.get_layer(name) for name in ("features", "output", "variance_output")]
    return np.concatenate([weight.ravel() for layer in layers for weight in layer.get_weights()])


def trained(case):
    """Return losses of both models before, weights after four steps, and accuracies, by name."""
    model, alone, (x, y), (x_alone, y_alone), name = case()
    both = {"output": y, "variance_output": y}
    before = alone.get_weights()
    found = {"begun": _weights(alone)}
    judged = model.evaluate(x, both, batch_size=N, verbose=0, return_dict=True)
    found["loss"] = np.array(judged["loss"])
    found["accuracies"] = np.array([value for key, value in judged.items() if "accuracy" in key])
    logits = keras.ops.convert_to_numpy(alone(X))[:, :2]
    model.fit(x, both, batch_size=N // 2, epochs=2, shuffle=False, verbose=0)
    found["weights"] = _weights(model)
    alone.set_weights(before)
    alone.compile(optimizer=_rate(2), loss=losses.get(name))
    found["loss_alone"] = np.array(alone.evaluate(x_alone, y_alone, batch_size=N, verbose=0))
    alone.fit(x_alone, y_alone, batch_size=N // 2, epochs=2, shuffle=False, verbose=0)
    found["weights_alone"] = _weights(alone)
    found["logits"] = logits
    return found


CASES = {"numbers": numbers, "classes": classes, "yes or no": yes_or_no}

if __name__ == "__main__":
    np.savez(
        sys.argv[1], **{f"{name} {key}": value for name, case in CASES.items() for key, value in trained(case).items()}
    )
