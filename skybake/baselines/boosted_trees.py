"""Gradient-boosted trees on magnitudes and colours (the input scalars)."""

from sklearn.ensemble import HistGradientBoostingRegressor

from skybake.baselines._scalars import magnitudes_and_colours

NEEDS_SCALARS = True
LIMITS = {"iterations": {"at_least": 1}, "learning_rate": {"above": 0}}


def features(images, scalars):
    """Return the input scalars and the colours of the magnitudes among them."""
    return magnitudes_and_colours(scalars)


def build(*, iterations=300, learning_rate=0.05):
    """Return the regressor."""
    return HistGradientBoostingRegressor(max_iter=iterations, learning_rate=learning_rate, random_state=0)
