"""Logistic regression on the logarithms of the flux in each band, and on the input scalars if there are any.

The probabilities of all classes are fitted together (multinomial), with an L2 penalty on the coefficients. The radius
of the aperture is chosen by cross-validation within the training part.
"""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skybake.baselines import ridge_bands
from skybake.baselines._aperture import with_chosen_radius

TASKS = ("classification",)
LIMITS = {"degree": {"at_least": 1}, "penalty": {"above": 0}}


def features(images, scalars):
    """Return the features of `ridge_bands`: (N, R (C + S))."""
    return ridge_bands.features(images, scalars)


def build(task, *, degree=2, penalty=1.0):
    """Return the classifier."""
    logistic = make_pipeline(
        StandardScaler(),
        PolynomialFeatures(degree, include_bias=False),
        LogisticRegression(C=1 / penalty, max_iter=1000),
    )
    return with_chosen_radius(logistic, "neg_log_loss")
