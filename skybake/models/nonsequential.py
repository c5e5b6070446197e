"""Image and redshift: the third network of the eFEDS cluster-mass study.

Krippendorf et al. 2023 (arXiv:2305.00016). Six convolutions and three dense layers bring the image down to two numbers;
a dense layer of one unit takes the scalars (there: the redshift); both meet before the head. Input (H, W, C);
106,282 parameters at 50x50x10 with the redshift and the point head. Without scalars the image features go to the head
alone.
"""

from keras import layers

from skybake.models._blocks import convolution, pool


def build(image, scalars=None):
    """Return features: (batch, 3), or (batch, 2) without scalars."""
    x = image
    for pair in ((30, 30), (30, 30), (64, 30)):
        for filters in pair:
            x = convolution(x, filters)
        x = pool(x)
    x = layers.Flatten()(x)
    for units in (200, 100, 2):
        x = layers.Dense(units, activation="relu")(x)
    if scalars is None:
        return x
    return layers.Concatenate()([x, layers.Dense(1)(scalars)])
