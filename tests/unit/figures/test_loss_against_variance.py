"""The figure of losses against predicted variances."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from skybake import figures
from skybake.figures import loss_against_variance
from skybake.results.predictions import Prediction
from skybake.testing._synthetic import run


def with_widths(data, error=None):
    """Return the run with variances that grow with the redshift."""
    std = np.linspace(0.05, 0.4, 60)
    test = {
        seed: replace(part, prediction=Prediction(part.prediction.point, std=std), label_error=error)
        for seed, part in data.test.items()
    }
    return replace(data, test=test), std


@pytest.mark.parametrize("error", [None, np.full(60, 0.3)])
def test_points_are_the_objects_of_all_seeds(error):
    data, std = with_widths(run(std=0.1), error)
    drawn = loss_against_variance.draw(data)
    (points,) = [item for item in drawn.axes[0].collections if len(item.get_offsets()) == 120]
    spread = std if error is None else np.hypot(std, error)
    variance, loss = points.get_offsets().T
    assert np.allclose(variance, np.tile(spread**2, 2))
    away = np.concatenate([part.prediction.point - part.label for part in data.test.values()])
    assert np.allclose(loss, -stats.norm.logpdf(away, scale=np.tile(spread, 2)))
    low, high = np.quantile(away**2, [0.005, 0.995])
    assert np.allclose(points.get_array(), np.clip(away**2, low, high))


def test_only_where_a_variance_is_predicted():
    assert figures.can_draw("loss_against_variance", run(std=0.1))
    assert not figures.can_draw("loss_against_variance", run())
