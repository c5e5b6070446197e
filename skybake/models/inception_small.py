"""Inception network for photometric redshifts, three modules: a small form of Pasquet et al. 2019 (arXiv:1806.06607).

A stem of 64 filters 5x5 and modules of 48/64, 92/128 and 92/128 filters, the last without the 5x5 branch; average
pooling after the stem and the first two, and over all pixels at the end. The published form, which is
`inception_small_reference`, gives every pixel to the head: with 100 bins half as many weights again. Input (H, W, C),
at least 8 pixels a side.
"""

from functools import partial

from keras import layers

from skybake.models._blocks import activated, average_pool, inception_module

LIMITS = {
    "activation": {"one_of": ["leaky_relu", "prelu", "tanh"]},
    "slope": {"at_least": 0},
    "end": {"one_of": ["mean", "flatten"]},
}


def build(image, scalars=None, *, activation="leaky_relu", slope=0.1, end="mean"):
    """Return features (batch, 348), or with ``end`` ``"flatten"`` those of every pixel; scalars are not used."""
    look = partial(inception_module, activation=activation, slope=slope)
    x = average_pool(activated(layers.Conv2D(64, 5, padding="same")(image), activation, slope))
    x = average_pool(look(x, 48, 64))
    x = average_pool(look(x, 92, 128))
    x = look(x, 92, 128, with_five=False)
    return layers.GlobalAveragePooling2D()(x) if end == "mean" else layers.Flatten()(x)
