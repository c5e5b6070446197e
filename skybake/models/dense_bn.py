"""`dense` with the batch normalisation after each layer that its authors announced and left out.

Connolly & Smotherman, "Deep Learning: Classifying Astronomical Images" (astroML notebooks, chapter 9), whose `simpleBN`
is `dense` again; Ioffe & Szegedy 2015 (arXiv:1502.03167). Input (H, W, C); 27,692 parameters at 21x21x1 with two
classes, 120 of them moving moments, which are not trained.
"""

from keras import layers

from skybake.models._blocks import normalised

LIMITS = {"units": {"at_least": 1}}


def build(image, scalars=None, *, units=30):
    """Return features (batch, H W units); scalars are not used."""
    x = image
    for _ in range(2):
        x = normalised(layers.Dense(units, activation="relu")(x))
    return layers.Flatten()(x)
