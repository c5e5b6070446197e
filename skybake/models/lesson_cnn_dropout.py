"""`lesson_cnn` with dropout after both poolings and after the dense layer (Srivastava et al. 2014, JMLR 15, 1929).

Input (H, W, C); 87,060 parameters at 32x32x3 with ten classes.
"""

from keras import layers

from skybake.models._blocks import convolution, pool

LIMITS = {"filters": {"at_least": 1}, "units": {"at_least": 1}, "rate": {"at_least": 0, "below": 1}}


def build(image, scalars=None, *, filters=50, units=50, rate=0.2):
    """Return features (batch, units); scalars are not used. ``rate`` is the share that is set to zero."""
    x = image
    for _ in range(2):
        x = _dropped(pool(convolution(x, filters)), rate)
    x = layers.Flatten()(convolution(x, filters))
    return _dropped(layers.Dense(units, activation="relu")(x), rate)


def _dropped(x, rate: float):
    return layers.Dropout(rate)(x) if rate else x
