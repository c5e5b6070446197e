"""`lesson_cnn` with dropout after both poolings and after the dense layer (Srivastava et al. 2014, JMLR 15, 1929).

Input (H, W, C); 87,060 parameters at 32x32x3 with ten classes. The course has one dropout, after the last convolution:
`lesson_cnn_dropout_reference`. Here every stage that can learn by heart has its own.
"""

from keras import layers

from skybake.models._blocks import convolution, pool

LIMITS = {
    "filters": {"at_least": 1},
    "units": {"at_least": 1},
    "rate": {"at_least": 0, "below": 1},
    "convolutions": {"at_least": 1},
    "dense": {"at_least": 0},
}


def build(image, scalars=None, *, filters=50, units=50, rate=0.2, convolutions=3, dense=1):
    """Return features (batch, units); scalars are not used. ``rate`` is the share that is set to zero."""
    x = image
    for _ in range(convolutions - 1):
        x = _dropped(pool(convolution(x, filters)), rate)
    x = layers.Flatten()(convolution(x, filters))
    for _ in range(dense):
        x = _dropped(layers.Dense(units, activation="relu")(x), rate)
    return x


def _dropped(x, rate: float):
    return layers.Dropout(rate)(x) if rate else x
