"""Labels and outputs for every loss, and its values and gradients on whatever framework Keras runs.

``python -m tests.unit.losses._loss_cases OUT`` writes values and gradients of all cases on the framework of
KERAS_BACKEND.
"""

import sys
from itertools import product

import keras
import numpy as np

from skybake import losses, plugins

MAGIC = -9999.0
ROWS = 12
CLASSES = 4
EDGES = [-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0]
EXTREMES = [0.0, 1e-30, -1e-30, 1.0, -1.0, 1e3, -1e3, 1e10, -1e10, 1e30, -1e30, 3.4e38, -3.4e38]
NAMES = [name for name, part in plugins.losses().items() if name == part.constants["function"]]
EACH = {"point": 1, "gaussian": 2, "student_t": 2, "quantiles": 9, "mixture": 9, "binary": 1, "binary_variance": 2}


def head(name):
    return plugins.losses()[name].constants["head"]


def parameters(name):
    return {"edges": EDGES} if head(name) == "bins" else {}


def labels_per_row(name):
    """How many labels an object has in a case: several wherever the loss takes several."""
    return 3 if head(name) in EACH else 1


def width(name, count):
    """Outputs of ``count`` labels."""
    special = {"bins": len(EDGES) - 1, "logits": CLASSES, "logits_variance": 2 * CLASSES}
    return special.get(head(name)) or EACH[head(name)] * count


def is_class(name):
    return head(name) in ("logits", "logits_variance")


def case(name, seed=0, rows=ROWS):
    """Return ordinary labels (rows, L), some missing, and outputs, both float32."""
    rng = np.random.default_rng(seed)
    count = labels_per_row(name)
    if is_class(name):
        y = rng.integers(0, CLASSES, (rows, 1)).astype(np.float32)
    elif head(name).startswith("binary"):
        y = rng.integers(0, 2, (rows, count)).astype(np.float32)
    else:
        y = rng.normal(0.5, 1.0, (rows, count)).astype(np.float32)
    y[1, 0], y[2, -1] = MAGIC, np.nan
    y[3] = MAGIC
    return y, rng.normal(0.0, 1.0, (rows, width(name, count))).astype(np.float32)


def extreme(name):
    """Return labels and outputs with all pairs of extremes, float32."""
    count = labels_per_row(name)
    rng = np.random.default_rng(1)
    some = [MAGIC, np.nan, np.inf, -np.inf, *([0.0, 1.0] if head(name) not in ("point", "gaussian") else EXTREMES)]
    pairs = np.array(list(product(some, EXTREMES)))
    y = np.repeat(pairs[:, :1], count, axis=1)
    uniform = np.repeat(pairs[:, 1:], width(name, count), axis=1)  # all outputs of an object alike
    mixed = rng.choice(EXTREMES, uniform.shape)
    return np.concatenate([y, y]).astype(np.float32), np.concatenate([uniform, mixed]).astype(np.float32)


def evaluate(name, y, p, given=None):
    """Return the loss of each row and the gradient of their sum by the outputs."""
    given = parameters(name) if given is None else given
    function = losses.function(name)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        p = tf.convert_to_tensor(p)
        with tf.GradientTape() as tape:
            tape.watch(p)
            values = function(y, p, **given)
        gradient = tape.gradient(values, p)
    else:
        import jax

        def total(outputs):
            each = function(y, outputs, **given)
            return each.sum(), each

        # Compiled, as it trains: a compiler rounds otherwise, which extremes must bear too.
        gradient, values = jax.jit(jax.grad(total, has_aux=True))(p)
    return keras.ops.convert_to_numpy(values), keras.ops.convert_to_numpy(gradient)


def main(out):
    found = {}
    for name in NAMES:
        for kind, (y, p) in {"case": case(name), "extreme": extreme(name)}.items():
            found[f"{name} {kind} values"], found[f"{name} {kind} gradient"] = evaluate(name, y, p)
    np.savez(out, **found)


if __name__ == "__main__":
    main(sys.argv[1])
