"""A polynomial of the logarithm of the total flux, and of the input scalars where there are any."""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler


def features(images, scalars):
    """Return asinh of the sum over all pixels and bands, in image units, then the scalars: (N, 1 + S)."""
    total = np.arcsinh(images.sum(axis=(1, 2, 3), dtype=np.float64))
    return np.column_stack([total, *scalars.values()])


def build(*, degree=2):
    """Return the regressor."""
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False), LinearRegression())
