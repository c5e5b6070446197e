"""Each flag is raised where it should be, and nowhere else."""

import numpy as np

from skybake.applying import flags
from skybake.data.columns import Column
from skybake.results.predictions import Prediction


def raised(scalars, columns, ranges, **prediction):
    n = len(next(iter(prediction.values())))
    return flags.raised(Prediction(**prediction), scalars, columns, ranges, np.arange(n) == 1)


def test_all_flags_have_a_meaning_and_none_is_raised_without_reason():
    found = raised({}, {}, {}, point=np.zeros(3))
    assert list(found) == list(flags.MEANINGS)
    assert {name: values.tolist() for name, values in found.items() if values.any()} == {
        "unfamiliar": [False, True, False]
    }


def test_scalars_that_the_network_takes():
    scalars = {"z": np.array([0.1, 0.5, 0.6, -9999, np.nan, 0.05]), "other": np.full(6, -9999.0)}
    found = raised(scalars, {}, {"z": (0.1, 0.5)}, point=np.zeros(6))
    assert found["scalar_outside"].tolist() == [False, False, True, False, False, True]
    assert found["scalar_missing"].tolist() == [False, False, False, True, True, False]


def test_a_formula_without_a_number_is_a_missing_scalar():
    scalars = {"z": np.array([0.1, 0.0])}
    found = flags.raised(
        Prediction(point=np.zeros(2)), scalars, {}, {"z": (0.0, 0.5)}, np.zeros(2, bool), [np.array([-2.3, np.nan])]
    )
    assert found["scalar_missing"].tolist() == [False, True]


def test_a_scalar_that_no_training_object_had_is_outside():
    found = raised({"z": np.array([0.1, -9999])}, {}, {"z": (np.nan, np.nan)}, point=np.zeros(2))
    assert found["scalar_outside"].tolist() == [True, False]


def test_padding_and_masks():
    columns = {"n_masked": Column("", "", "count"), "beyond": Column("", "", "padded_fraction")}
    scalars = {"n_masked": np.array([0.0, 3.0]), "beyond": np.array([0.2, 0.0])}
    found = raised(scalars, columns, {}, point=np.zeros(2))
    assert found["padded"].tolist() == [True, False]
    assert found["masked"].tolist() == [False, True]


def test_predictions_that_are_no_numbers():
    assert raised({}, {}, {}, point=np.array([0, np.nan, np.inf]))["not_finite"].tolist() == [False, True, True]
    classes = np.array([[0.5, 0.5], [np.nan, 0.5]])
    assert raised({}, {}, {}, point=np.zeros(2), classes=classes)["not_finite"].tolist() == [False, True]
