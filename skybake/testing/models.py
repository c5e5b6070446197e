"""A model in use: features of images of several sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybake.plugins import PlugIn

SHAPES = ((21, 21, 1), (32, 32, 5))
OBJECTS, SCALARS = 2, 3


def use(part: PlugIn) -> Iterator[str]:
    """Build the model with its defaults, and let it look at a few images."""
    import keras

    for shape in SHAPES:
        keras.utils.clear_session()
        image, scalars = keras.Input(shape, name="image"), keras.Input((SCALARS,), name="scalars")
        given = scalars if part.constants.get("NEEDS_SCALARS") else None
        features = part.load().build(image, given)
        found = getattr(features, "shape", None)
        if found is None or len(found) != 2 or found[1] is None:
            yield (
                f"build returned {found or type(features).__name__} for images {(None, *shape)}; expected features"
                " (None, F). Hint: end with layers.Flatten() or layers.GlobalAveragePooling2D()"
            )
            return
        tensors = [image] if given is None else [image, scalars]
        network = keras.Model(tensors, features)
        rng = np.random.default_rng(1)
        values = [rng.normal(size=(OBJECTS, *tensor.shape[1:])).astype(np.float32) for tensor in tensors]
        outputs = keras.ops.convert_to_numpy(network(values, training=False))
        if outputs.shape != (OBJECTS, found[1]):
            yield f"features {outputs.shape} of {OBJECTS} objects found; expected {(OBJECTS, found[1])}"
        if not np.isfinite(outputs).all():
            yield f"features of finite images {shape} are not finite before any training; expected finite ones"
