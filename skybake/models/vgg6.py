"""Four convolutions in two blocks, one dense layer, dropout: a small VGG network for stamps.

Connolly & Smotherman, "Deep Learning: Classifying Astronomical Images" (astroML notebooks, chapter 9), after Simonyan &
Zisserman 2014 (arXiv:1409.1556). Input (H, W, C); 25,458 parameters at 21x21x1 with two classes, 64 of them the moving
moments of the batch normalisation, which are not trained.
"""

from keras import layers

from skybake.models._blocks import convolution, normalised, pool

LIMITS = {
    "units": {"at_least": 1},
    "convolution_dropout": {"at_least": 0, "below": 1},
    "dense_dropout": {"at_least": 0, "below": 1},
}


def build(image, scalars=None, *, units=256, convolution_dropout=0.25, dense_dropout=0.5):
    """Return features (batch, units); scalars are not used. Dropout rates are shares of what is set to zero."""
    x = convolution(convolution(image, 16), 16)
    x = layers.Dropout(convolution_dropout)(pool(x, 2))
    x = normalised(convolution(convolution(x, 32), 32))
    x = layers.Dropout(convolution_dropout)(pool(x, 4))
    x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
    return layers.Dropout(dense_dropout)(x)
