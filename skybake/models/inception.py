"""Inception network for photometric redshifts, five modules and two dense layers.

Pasquet et al. 2019 (A&A 621, A26; arXiv:1806.06607, fig. 6), there with 64x64x5 images and 180 redshift bins. Input
(H, W, C), at least 8 pixels a side. Extinction or magnitudes join the image features in `mixed_inception`.
"""

from keras import layers

from skybake.models._blocks import activated, average_pool, inception_module, pool

LIMITS = {
    "units": {"at_least": 1},
    "activation": {"one_of": ["prelu", "leaky_relu", "tanh"]},
    "modules": {"at_least": 1, "at_most": 5},
    "dense": {"at_least": 0},
    "pooling": {"one_of": ["average", "maximum"]},
}
MODULES = ((48, 64), (64, 92), (92, 128), (92, 128))  # those with a 5x5 branch; a pooling follows every second


def build(image, scalars=None, *, units=1096, activation="prelu", modules=5, dense=2, pooling="average"):
    """Return features (batch, units); scalars are not used. The published ``activation`` is ``"prelu"``.

    Of fewer ``modules`` the first ones are left, and the last one, which has no 5x5 branch.
    """
    pooled = {"average": average_pool, "maximum": pool}[pooling]
    x = pooled(activated(layers.Conv2D(64, 5, padding="same")(image), activation))
    for number, (inner, outer) in enumerate(MODULES[: modules - 1]):
        x = inception_module(x, inner, outer, activation)
        if number % 2:
            x = pooled(x)
    x = layers.Flatten()(inception_module(x, 92, 128, activation, with_five=False))
    for _ in range(dense):
        x = activated(layers.Dense(units)(x), activation)
    return x
