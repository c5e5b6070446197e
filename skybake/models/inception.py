"""Inception network for photometric redshifts, five modules and two dense layers.

Pasquet et al. 2019 (A&A 621, A26; arXiv:1806.06607, fig. 6), there with 64x64x5 images and 180 redshift bins. Input
(H, W, C), at least 8 pixels a side. Extinction or magnitudes join the image features in `mixed_inception`.
"""

from keras import layers

from skybake.models._blocks import activated, average_pool, inception_module

LIMITS = {"units": {"at_least": 1}, "activation": {"one_of": ["prelu", "leaky_relu"]}}


def build(image, scalars=None, *, units=1096, activation="prelu"):
    """Return features (batch, units); scalars are not used. The published ``activation`` is ``"prelu"``."""
    x = activated(layers.Conv2D(64, 5, padding="same")(image), activation)
    x = average_pool(x)
    x = inception_module(x, 48, 64, activation)
    x = inception_module(x, 64, 92, activation)
    x = average_pool(x)
    x = inception_module(x, 92, 128, activation)
    x = inception_module(x, 92, 128, activation)
    x = average_pool(x)
    x = inception_module(x, 92, 128, activation, with_five=False)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = activated(layers.Dense(units)(x), activation)
    return x
