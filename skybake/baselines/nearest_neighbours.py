"""Mean label of the nearest training objects in magnitudes and colours (the input scalars): the classic photo-z."""

from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skybake.baselines._scalars import magnitudes_and_colours

TASKS = ("regression",)
NEEDS_SCALARS = True
LIMITS = {"neighbours": {"at_least": 1}}


def features(images, scalars):
    """Return the input scalars and the colours of the magnitudes among them."""
    return magnitudes_and_colours(scalars)


def build(task, *, neighbours=10):
    """Return the regressor; neighbours weigh by inverse distance."""
    return make_pipeline(StandardScaler(), KNeighborsRegressor(neighbours, weights="distance"))
