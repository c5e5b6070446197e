"""`lesson_cnn` with one dropout, after the last convolution: as the course has it.

Input (H, W, C); 87,060 parameters at 32x32x3 with ten classes.
"""

from keras import layers

from skybake.models._blocks import convolution, pool

LIMITS = {"rate": {"at_least": 0, "below": 1}}


def build(image, scalars=None, *, rate=0.2):
    """Return features (batch, 50); scalars are not used. ``rate`` is the share that is set to zero."""
    x = image
    for _ in range(2):
        x = pool(convolution(x, 50))
    x = layers.Dropout(rate)(convolution(x, 50))
    return layers.Dense(50, activation="relu")(layers.Flatten()(x))
