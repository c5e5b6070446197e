"""Two dense layers on each pixel by itself, then the head on all of them: astroML's first network for stamps.

Connolly & Smotherman, "Deep Learning: Classifying Astronomical Images" (astroML notebooks, chapter 9). Input (H, W, C);
27,452 parameters at 21x21x1 with two classes. What it knows of shapes is in the head: it is close to a linear filter.
"""

from keras import layers

LIMITS = {"units": {"at_least": 1}, "depth": {"at_least": 1}}


def build(image, scalars=None, *, units=30, depth=2):
    """Return features (batch, H W units); scalars are not used. ``depth`` is the number of layers."""
    x = image
    for _ in range(depth):
        x = layers.Dense(units, activation="relu")(x)
    return layers.Flatten()(x)
