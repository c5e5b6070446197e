"""Four convolutions in two blocks, one dense layer, dropout: a small VGG network for stamps.

Connolly & Smotherman, "Deep Learning: Classifying Astronomical Images" (astroML notebooks, chapter 9), after Simonyan &
Zisserman 2014 (arXiv:1409.1556). Input (H, W, C); 25,458 parameters at 21x21x1 with two classes, 64 of them the moving
moments of the batch normalisation, which are not trained. These moments follow the last ten batches, not the last
hundred as in the published network, `vgg6_reference`: few batches make an epoch of some thousand stamps.
"""

from keras import layers

from skybake.models._blocks import convolution, dense_layers, normalised, pool

LIMITS = {
    "units": {"at_least": 1},
    "convolutions": {"at_least": 1},
    "dense": {"at_least": 0},
    "momentum": {"at_least": 0, "below": 1},
    "convolution_dropout": {"at_least": 0, "below": 1},
    "dense_dropout": {"at_least": 0, "below": 1},
}


def build(
    image,
    scalars=None,
    *,
    units=256,
    convolution_dropout=0.25,
    dense_dropout=0.5,
    convolutions=2,
    dense=1,
    momentum=0.9,
):
    """Return features (batch, units); scalars are not used.

    Dropout rates are shares of what is set to zero. ``convolutions`` are those of each of the two blocks, ``dense`` the
    dense layers, ``momentum`` is the batch normalisation's.
    """
    x = image
    for _ in range(convolutions):
        x = convolution(x, 16)
    x = layers.Dropout(convolution_dropout)(pool(x, 2))
    for _ in range(convolutions):
        x = convolution(x, 32)
    x = layers.Dropout(convolution_dropout)(pool(normalised(x, momentum), 4))
    x = dense_layers(layers.Flatten()(x), dense, units)
    return layers.Dropout(dense_dropout)(x)  # made after the dense layers: each layer draws its seed when it is made
