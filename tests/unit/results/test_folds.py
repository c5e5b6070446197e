"""All folds of a split together: each object once, with what the network says that has not seen it."""

import numpy as np
import pytest

from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.evaluation import trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.results import folds, run_folder
from skybake.results.predictions import Prediction
from skybake.results.run_folder import Record, Timing

FOLDS, SEEDS = 4, (1, 2)


def said(fold, seed, rows):
    """Return what a network predicts, which tells object, fold and seed."""
    return Prediction(point=rows + fold / 10 + seed / 100)


def write(folder, data, split, strategy, fold, seed):
    rows = {"valid": split.valid, "test": split.test}
    given = {"dataset": "small", "model": "m", "loss": f"mse@fold-{fold}", "seed": seed, "task": "regression"}
    given |= {"label": data.label, "units": "", "mock": True, "library_model": "m", "library_loss": "mse"}
    sizes = {"n_train": len(split.train), "n_valid": len(split.valid), "n_test": len(split.test)}
    record = Record(**given, **sizes, split=strategy, fold=fold, epochs=fold, best_epoch=1, parameters=7)
    history = [{"epoch": epoch + 1, "loss": fold, "val_loss": 2 * fold} for epoch in range(fold)]
    parts = {part: (values, said(fold, seed, values)) for part, values in rows.items()}
    run_folder.write(folder, record, Timing(10.0 * fold, [1.0] * fold, 1.0), history, parts, data.digest)


def pooled(small, folder, strategy):
    data = load_dataset(small[0])
    each = list(splits.make_all(data, strategy))
    runs = []
    for number, split in enumerate(each, start=1):
        runs.append({seed: folder / f"{number}" / f"seed-{seed}" for seed in SEEDS})
        for seed, place in runs[-1].items():
            place.mkdir(parents=True)
            write(place, data, split, strategy, number, seed)
    whole = {seed: folder / "whole" / f"seed-{seed}" for seed in SEEDS}
    folds.pool(runs, whole, "mse", data)
    return data, each, trained.read(whole, data)


def test_every_object_is_predicted_once_by_the_network_of_its_fold(small, tmp_path):
    strategy = {"strategy": "kfold", "folds": FOLDS, "seed": 40}
    data, each, found = pooled(small, tmp_path, strategy)
    for part in ("valid", "test"):
        expected = {
            data.ids[row]: row + number / 10
            for number, split in enumerate(each, start=1)
            for row in getattr(split, part)
        }
        for seed, item in found.items():
            known = item.parts[part]
            assert sorted(known.ids) == sorted(data.ids)
            assert known.prediction.point == pytest.approx([expected[name] + seed / 100 for name in known.ids])
    record = found[1].run
    assert (record.loss, record.fold, record.n_test) == ("mse", None, len(data))
    assert list(record.folds) == [len(split.test) for split in each]
    assert list(found[1].history.loss) == [2.5]  # the mean of 1 to 4, of the one epoch that all have
    assert run_folder.read_timing(found[1].folder).train_seconds == 25.0


def test_an_object_of_repeated_splits_is_drawn_with_all_that_was_predicted_of_it(small, tmp_path):
    strategy = {"strategy": "holdout", "test": 0.5, "valid": 0.2, "seed": 40, "repeats": 3}
    _, each, found = pooled(small, tmp_path, strategy)
    part = found[1].parts["test"]
    assert len(part.ids) == sum(len(split.test) for split in each) > len(set(part.ids))
    groups = trained.of_groups(Bootstrap(), found, "test").groups
    label = part.label
    assert list(groups) == list(part.ids[np.isfinite(label) & (label != -9999)])


def test_bins_of_different_edges_keep_their_probabilities():
    one = Prediction(point=np.zeros(1), probabilities=np.array([[0.5, 0.5]]), edges=np.array([0.0, 1.0, 2.0]))
    other = Prediction(point=np.ones(1), probabilities=np.array([[0.2, 0.8]]), edges=np.array([0.0, 0.5, 2.0]))
    together = folds.together([one, other])
    assert list(together.edges) == [0.0, 0.5, 1.0, 2.0]
    assert together.probabilities == pytest.approx(np.array([[0.25, 0.25, 0.5], [0.2, 0.8 / 3, 1.6 / 3]]))


def test_folds_of_other_heads_are_refused():
    points = Prediction(point=np.zeros(2))
    with pytest.raises(ValueError, match="expected runs of one head"):
        folds.together([points, Prediction(point=np.zeros(2), std=np.ones(2))])
    students = [Prediction(point=np.zeros(2), std=np.ones(2), dof=dof) for dof in (3.0, 4.0)]
    with pytest.raises(ValueError, match="expected runs of one head"):
        folds.together(students)
