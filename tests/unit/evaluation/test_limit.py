"""The limit of simulated objects: how it is kept, and how near rows come to it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from skybake.data import limit, splits
from skybake.data.dataset import load_dataset
from skybake.data.limit import PROBABILITY, SIGMA, Limit, Limits
from skybake.evaluation import trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.limit import measure
from skybake.metrics import measuring
from tests.unit._synthetic_runs import write_classified, write_dataset, write_run

DRAWS = Bootstrap(draws=400)


def row(folder, write, seeds=(1, 2), **more):
    for seed in seeds:
        write(folder / f"seed-{seed}", seed=seed, n=200, **more)
    dataset = load_dataset(folder / "dataset.h5")
    return dataset, trained.read({seed: folder / f"seed-{seed}" for seed in seeds}, dataset)


def test_efficiency_is_the_ratio_of_root_mean_squares_on_the_same_objects(tmp_path):
    dataset, runs = row(tmp_path, write_run)
    ids, sigma = runs[1].parts["test"].ids[10:90], np.linspace(0.1, 0.2, 80)
    lines = (Limit("first", SIGMA, "known", sigma), Limit("second", SIGMA, "known", sigma / 2))
    found = measure(Limits(dataset.label, ids, 197, lines), dataset, {"row": runs}, DRAWS)
    errors = trained.part_errors(runs, "test")[:, 7:87]  # the first three of 200 have no label
    told = found["efficiency"]["row"]
    assert told["value"] == pytest.approx(np.sqrt(np.mean(sigma**2) / np.mean(errors**2)))
    assert told["low"] < told["value"] < told["high"]
    assert [line["values"]["std_error"]["value"] for line in found["lines"]] == pytest.approx(
        [np.sqrt(np.mean(sigma**2)), np.sqrt(np.mean(sigma**2)) / 2]
    )
    assert (found["objects"], found["test_objects"]) == (80, 197)


def test_efficiency_of_a_row_at_the_limit_is_one(tmp_path):
    dataset, runs = row(tmp_path, write_run, seeds=(1,))
    ids = runs[1].parts["test"].ids[3:]
    line = Limit("its own errors", SIGMA, "none", np.abs(trained.part_errors(runs, "test")[0]))
    told = measure(Limits(dataset.label, ids, 197, (line,)), dataset, {"row": runs}, DRAWS)["efficiency"]["row"]
    assert told == {"value": pytest.approx(1)}  # all draws are the same: there is no interval


def test_classes_are_held_against_the_ideal_observers_log_loss(tmp_path):
    dataset, runs = row(tmp_path, write_classified, seeds=(1,))
    part = runs[1].parts["test"]
    probability = part.prediction.classes[4:, 1]
    known = Limits(dataset.label, part.ids[4:], 196, (Limit("its own", PROBABILITY, "none", probability),))
    found = measure(known, dataset, {"row": runs}, DRAWS)
    assert found["efficiency"]["row"]["value"] == pytest.approx(1)
    scores = measuring.class_scores(part.label[4:], part.prediction.classes[None, 4:])
    for name in ("accuracy", "log_loss"):
        assert found["lines"][0]["values"][name]["value"] == pytest.approx(scores[name].mean())


def test_whole_groups_are_drawn_where_the_test_part_has_them(tmp_path):
    dataset, runs = row(tmp_path, write_run, seeds=(1,))
    part = runs[1].parts["test"]
    known = Limits(dataset.label, part.ids[50:150], 197, (Limit("flat", SIGMA, "none", np.full(100, 0.15)),))

    def told(groups: np.ndarray) -> dict:
        grouped = replace(runs[1], parts={"test": replace(part, groups=groups)})
        drawn = replace(DRAWS, groups=groups)
        return measure(known, dataset, {"row": {1: grouped}}, drawn)["efficiency"]["row"]

    apart, pairs, few = (told(np.arange(200) // size) for size in (1, 2, 50))
    assert apart["low"] != pairs["low"]
    assert apart["value"] == few["value"]
    assert "low" not in few  # two groups


def test_objects_that_are_not_in_the_test_part_are_refused(tmp_path):
    dataset, runs = row(tmp_path, write_run, seeds=(1,))
    known = Limits(dataset.label, runs[1].parts["valid"].ids[5:9], 4, (Limit("x", SIGMA, "y", np.ones(4)),))
    with pytest.raises(ValueError, match="is no test object"):
        measure(known, dataset, {"row": runs}, DRAWS)


def simulator(limit_of, objects=30, label="log10_m500c"):
    return SimpleNamespace(LIMIT={"label": label, "objects": objects}, limit=limit_of)


@pytest.fixture
def files(tmp_path):
    dataset = load_dataset(write_dataset(tmp_path / "dataset.h5", n=100, tested=60, missing=3))
    strategy = {"strategy": "holdout", "test": 0.5, "valid": 0.1, "seed": 40}
    splits.write(tmp_path / "split.h5", splits.make(dataset, strategy))
    limit.write_truth(tmp_path / "truth.npz", {"id": dataset.ids[::-1], "label": dataset.labels[dataset.label][::-1]})
    paths = {name: tmp_path / file for name, file in {"json": "limit.json", "table": "limit.csv"}.items()}
    return dataset, {"truth": tmp_path / "truth.npz", "split": tmp_path / "split.h5", **paths}


def test_it_is_found_for_some_labelled_test_objects(files):
    dataset, paths = files
    lines = [Limit("a, b", SIGMA, "the label itself", np.zeros(0))]

    def of(options, truth):
        return [Limit(lines[0].name, SIGMA, lines[0].method, truth["label"])]

    limit.find(simulator(of), None, dataset=dataset, **paths)
    found = limit.read(paths["json"])
    test = splits.load(paths["split"], dataset).test
    rows = [list(dataset.ids).index(name) for name in found.ids]
    assert len(rows) == 30
    assert set(rows) <= set(test)
    assert found.lines[0].values == pytest.approx(dataset.labels[dataset.label][rows])
    assert found.of == np.sum(dataset.labels[dataset.label][test] > 0) <= len(test)
    assert (found.label, found.lines[0].name) == (dataset.label, "a, b")


@pytest.mark.parametrize("values", [np.ones(3), np.full(30, np.nan), np.full(30, -1.0)])
def test_a_limit_that_is_no_number_of_each_object_is_refused(files, values):
    dataset, paths = files
    with pytest.raises(ValueError, match="bad: expected a finite number"):
        limit.find(simulator(lambda *_: [Limit("bad", SIGMA, "", values)]), None, dataset=dataset, **paths)
    assert not paths["json"].exists()


def test_truth_of_other_objects_is_refused(files):
    with pytest.raises(ValueError, match="no object 'stranger' found"):
        limit.read_truth(files[1]["truth"], ["stranger"])
