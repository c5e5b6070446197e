"""The mean of seeds in ``keras.ops`` against that of their predictions."""

import keras
import numpy as np
import pytest

from skybake.results import distributions, ensembles
from skybake.results.predictions import Prediction
from skybake.training import ensemble
from skybake.training.predictor import LEVELS, named_outputs

N = 30
RNG = np.random.default_rng(5)


def seeds(kind):
    found = []
    for seed in range(3):
        point, std = RNG.normal(0, 1, N), RNG.uniform(0.1, 2, N)
        if kind == "bins of other edges":
            edges = np.linspace(-4, 4, 11 + seed)
            mass = RNG.dirichlet(np.ones(10 + seed), N)
            found.append(Prediction(point, std, probabilities=mass, edges=edges))
        elif kind == "quantiles":
            levels = np.array([0.1, 0.5, 0.9])
            found.append(Prediction(point, quantiles=np.sort(RNG.normal(0, 1, (N, 3)), axis=1), levels=levels))
        else:
            found.append(Prediction(point, 0.01 * std if seed == 2 else std, dof=float(kind.split()[-1])))
    return found


@pytest.mark.parametrize("kind", ["bins of other edges", "quantiles", "Student's t of 2.1", "Student's t of 400"])
def test_numbers_are_those_of_the_mean_of_predictions(kind):
    each = seeds(kind)
    expected = ensembles.mean(each)
    shared = ("dof", "levels", "edges")
    tensors = [
        {name: values if name in shared else keras.ops.convert_to_tensor(np.float32(values)) for name, values in given}
        for given in (one.given().items() for one in each)
    ]
    found = ensemble.mean(tensors)
    quantiles = named_outputs(found, ())["quantiles"]
    assert set(found) == set(expected.given())
    for name, values in expected.given().items():
        if name not in shared:
            np.testing.assert_allclose(keras.ops.convert_to_numpy(found[name]), values, atol=1e-5, err_msg=name)
    told = distributions.required(expected).quantile(LEVELS)
    off = np.abs(keras.ops.convert_to_numpy(quantiles) - told) / expected.std[:, None]
    assert off.max() < 1e-3


def test_a_single_seed_is_no_ensemble():
    with pytest.raises(ValueError, match="1 predictor found; expected two or more"):
        ensemble.build_ensemble([None], [None])
