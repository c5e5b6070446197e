"""The table of the worst failures, and what is told of each class."""

import csv
import math

import numpy as np
import pytest
from sklearn import metrics

from skybake.data.columns import Column
from skybake.evaluation import failures, judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.metrics.per_class import per_class
from skybake.results.predictions import Predicted, Prediction

NAMES = ("star", "galaxy", "quasar")


def _parts(label, predictions, column):
    ids = np.array([f"o{i}" for i in range(len(label))])
    return {
        seed: Predicted(ids, np.asarray(label, float), prediction, {}, "y", column)
        for seed, prediction in enumerate(predictions, 1)
    }


def _numbers(label, *points):
    return _parts(label, [Prediction(point=np.array(point, float)) for point in points], Column("", "", outlier=0.3))


def _classes(label, *probabilities):
    made = [Prediction(point=np.argmax(each, axis=1), classes=np.array(each, float)) for each in probabilities]
    return _parts(label, made, Column("", "", "class", classes=NAMES))


def _read(path, parts):
    failures.write(path, parts)
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_worst_numbers_come_first_and_those_that_are_none_before_them(tmp_path):
    parts = _numbers([1, 2, 3, math.nan, 5], [1.5, 2, 1, 9, math.nan], [1.5, 2.5, 2, 9, 5])
    rows = _read(tmp_path / "failures.csv", parts)
    assert [row["id"] for row in rows] == ["o4", "o2", "o0", "o1"]  # o3 has no label
    assert (rows[1]["true"], rows[1]["predicted"], rows[1]["error"]) == ("3", "1.5", "-1.5")
    assert float(rows[1]["error_over_seeds"]) == pytest.approx(math.sqrt(0.5), rel=1e-5)


def test_one_seed_has_no_spread_and_the_table_ends(tmp_path):
    rows = _read(tmp_path / "failures.csv", _numbers(np.zeros(500), np.arange(500)))
    assert [float(row["error"]) for row in rows] == [float(number) for number in range(499, 399, -1)]
    assert {row["error_over_seeds"] for row in rows} == {""}


def test_only_wrong_classes_are_failures_and_the_surest_come_first(tmp_path):
    first = [[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.1, 0.0, 0.9], [0.6, 0.4, 0]]
    second = [[0.8, 0.2, 0], [0.6, 0.3, 0.1], [0.3, 0.0, 0.7], [0.3, 0.7, 0]]
    rows = _read(tmp_path / "failures.csv", _classes([0, 0, 1, 1], first, second))
    assert [tuple(row.values()) for row in rows] == [
        ("o2", "galaxy", "quasar", "0.8", "0", "2 of 2"),
        ("o1", "star", "galaxy", "0.5", "0.4", "1 of 2"),
        ("o3", "galaxy", "galaxy", "0.55", "0.55", "1 of 2"),
    ]


def test_each_class_is_judged_as_by_scikit_learn():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 200)
    each = rng.dirichlet([1, 1, 1], (2, 200))
    predicted, twice = each.argmax(axis=-1).ravel(), np.tile(label, 2)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(twice, predicted)
    for kind, found in enumerate(per_class(label, each)):
        assert (found.precision, found.recall, found.f1) == pytest.approx((precision[kind], recall[kind], f1[kind]))
        assert found.objects == (label == kind).sum()
        assert found.roc_auc == pytest.approx(metrics.roc_auc_score(twice == kind, each[..., kind].ravel()))


def test_a_class_without_objects_or_predictions_has_no_number():
    star, galaxy, quasar = per_class(np.array([0, 0, 1]), np.array([[[0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0]]]))
    assert (star.objects, star.recall) == (2, 1)
    assert math.isnan(galaxy.precision)
    assert (galaxy.recall, galaxy.f1) == (0, 0)
    assert all(math.isnan(number) for number in (quasar.precision, quasar.recall, quasar.f1, quasar.roc_auc))


def test_the_judged_have_a_line_for_each_class_unless_a_probability_is_no_number():
    each = np.random.default_rng(0).dirichlet([1, 1, 1], 40)
    bootstrap = Bootstrap(draws=50, level=0.9, seed=1)
    found = judging.classification(_classes(np.arange(40) % 3, each), bootstrap)
    assert [item["objects"] for item in found["per_class"]] == [14, 13, 13]
    each[0] = np.nan
    assert judging.classification(_classes(np.arange(40) % 3, each), bootstrap)["per_class"] is None
