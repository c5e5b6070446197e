"""`nonsequential` as its authors ran it, with a relu on the output.

The relu stops every gradient once the output is negative for all objects, and the training with it; kept to reproduce
the published table (Krippendorf et al. 2023, arXiv:2305.00016), together with ``images: none`` and ``labels: none``.
"""

from skybake.models import nonsequential

OUTPUT_ACTIVATION = "relu"


def build(image, scalars=None):
    """Return the features of `nonsequential`."""
    return nonsequential.build(image, scalars)
