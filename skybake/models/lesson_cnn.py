"""Three convolutions and one dense layer: the network of a first course on images.

Three times fifty 3x3 filters, with pooling after the first two. Input (H, W, C); 87,060 parameters at 32x32x3 with ten
classes.
"""

from skybake.models import lesson_cnn_dropout

LIMITS = {
    "filters": {"at_least": 1},
    "units": {"at_least": 1},
    "convolutions": {"at_least": 1},
    "dense": {"at_least": 0},
}


def build(image, scalars=None, *, filters=50, units=50, convolutions=3, dense=1):
    """Return features (batch, units); scalars are not used. A pooling follows every convolution but the last."""
    return lesson_cnn_dropout.build(
        image, scalars, filters=filters, units=units, rate=0.0, convolutions=convolutions, dense=dense
    )
