"""One convolution, one dense layer: the smallest network of the eFEDS cluster-mass study.

Krippendorf et al. 2023 (arXiv:2305.00016). Input (H, W, C); 866,831 parameters at 50x50x10 with the point head.
"""

from keras import layers

from skybake.models._blocks import convolution, pool

LIMITS = {"filters": {"at_least": 1}, "units": {"at_least": 1}}


def build(image, scalars=None, *, filters=30, units=50):
    """Return features (batch, units); scalars are not used."""
    x = convolution(image, filters)
    x = pool(x)
    x = layers.Flatten()(x)
    return layers.Dense(units, activation="relu")(x)
