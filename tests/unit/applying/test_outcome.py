"""What pages and figures are told of new objects."""

import numpy as np
import pytest

from skybake.applying import outcome, parts
from skybake.data.columns import class_column
from skybake.figures import applied_examples
from skybake.results.predictions import Prediction
from skybake.testing import _synthetic
from tests.unit.applying.test_export import chosen
from tests.unit.applying.test_parts import CLASSES, POINT, N, made


def gathered(tmp_path, applied):
    file = _synthetic.explored(tmp_path).file
    known = type("Trained", (), {"labels": {applied.name: np.array([13.0, np.nan, 15.0, 14.0])}})()
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for path, rows in zip(paths, (np.arange(30), np.arange(30, N)), strict=True):
        parts.write(path, chosen(applied, rows))
    train = np.array([0, 1, 2])
    return outcome.gather(paths, name="wide", row="dense, mse", file=file, trained_on=known, train=train)


def test_parts_are_joined_in_their_order(tmp_path):
    point = np.where(np.arange(N) == 40, np.nan, POINT)
    found = gathered(tmp_path, made(Prediction(point, std=np.full(N, 0.5))))
    np.testing.assert_allclose(found.point, point, rtol=1e-6)
    assert found.place.tolist() == list(range(7, N + 7))
    assert found.trained.tolist() == [13.0, 15.0]
    assert found.usable.sum() == N - 1
    np.testing.assert_allclose(np.delete(found.uncertainty["half_width"], 40), 0.5, rtol=1e-5)
    assert list(found.uncertainty) == ["std", "half_width", "spread"]
    assert found.holds == {"uncertainty", "familiarity", "known"}  # a right ascension alone is no position
    assert found.unfamiliar.sum() == 9


def test_shares_of_classes_are_the_mean_probabilities(tmp_path):
    found = gathered(tmp_path, made(CLASSES, class_column(["star", "galaxy", "quasar"])))
    np.testing.assert_allclose(found.shares, CLASSES.classes.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.uncertainty["probability"], CLASSES.classes.max(axis=1), rtol=1e-6)
    name, doubt = found.doubt()
    assert name == "probability"
    assert doubt.argmax() == CLASSES.classes.max(axis=1).argmin()


def test_no_object_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no object found; expected those of wide"):
        outcome.gather([], name="wide", row="", file=None, trained_on=None, train=np.empty(0, dtype=int))


def test_galleries_hold_the_extremes(tmp_path):
    data = _synthetic.applied(tmp_path)
    found = applied_examples.choose(data, 4)
    assert list(found) == ["at random", "least familiar", "least certain"]
    assert found["least familiar"][0] == data.distance.argmax()
    assert found["least certain"].tolist() == np.argsort(-data.uncertainty["std"])[:4].tolist()
    assert len(set(found["at random"])) == 4
