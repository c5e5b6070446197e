"""`vgg6` as its authors ran it: the batch normalisation has Keras's momentum of 0.99.

Connolly & Smotherman, "Deep Learning: Classifying Astronomical Images" (astroML notebooks, chapter 9). In a short
training the moments that predictions use are still those of the start. Input (H, W, C); 25,458 parameters at 21x21x1
with two classes.
"""

from skybake.models import vgg6


def build(image, scalars=None):
    """Return features (batch, 256); scalars are not used."""
    return vgg6.build(image, scalars, momentum=0.99)
