"""`inception_small` as the photometric-redshift study ended with it: every pixel goes to the head, the slope is 0.3.

After Pasquet et al. 2019 (arXiv:1806.06607). Input (H, W, C); 1,436,000 parameters at 32x32x5 with 100 bins.
"""

from skybake.models import inception_small

LIMITS = {"activation": {"one_of": ["leaky_relu", "prelu", "tanh"]}}


def build(image, scalars=None, *, activation="leaky_relu"):
    """Return features (batch, F); scalars are not used."""
    return inception_small.build(image, scalars, activation=activation, slope=0.3, end="flatten")
