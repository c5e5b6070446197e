"""Three convolutions with pooling, one dense layer: the second network of the eFEDS cluster-mass study.

Krippendorf et al. 2023 (arXiv:2305.00016). Input (H, W, C); 43,091 parameters at 50x50x10
with the point head.
"""

from keras import layers

from skybake.models._blocks import convolution, dense_layers, pool

LIMITS = {
    "filters": {"at_least": 1},
    "units": {"at_least": 1},
    "stages": {"at_least": 1},
    "dense": {"at_least": 0},
    "convolutions_per_stage": {"at_least": 1},
}


def build(image, scalars=None, *, filters=30, units=50, stages=3, dense=1, convolutions_per_stage=1):
    """Return features (batch, units); scalars are not used. A stage is convolutions and a pooling."""
    x = image
    for _ in range(stages):
        for _ in range(convolutions_per_stage):
            x = convolution(x, filters)
        x = pool(x)
    return dense_layers(layers.Flatten()(x), dense, units)
