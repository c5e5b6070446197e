"""Inception network for photometric redshifts, three modules: a small form of Pasquet et al. 2019 (arXiv:1806.06607).

A stem of 64 filters 5x5 and modules of 48/64, 92/128 and 92/128 filters, the last without the 5x5 branch; average
pooling after the stem and the first two, and over all pixels at the end. Input (H, W, C), at least 8 pixels a side.
"""

from keras import layers

from skybake.models._blocks import activated, average_pool, inception_module

LIMITS = {"activation": {"one_of": ["leaky_relu", "prelu"]}}


def build(image, scalars=None, *, activation="leaky_relu"):
    """Return features (batch, 348); scalars are not used."""
    x = average_pool(activated(layers.Conv2D(64, 5, padding="same")(image), activation))
    x = average_pool(inception_module(x, 48, 64, activation))
    x = average_pool(inception_module(x, 92, 128, activation))
    x = inception_module(x, 92, 128, activation, with_five=False)
    return layers.GlobalAveragePooling2D()(x)
