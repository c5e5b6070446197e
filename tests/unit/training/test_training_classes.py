"""Training for classes: every loss, accuracy by epoch, class weights, names of classes, labels that are no class."""

import csv
import json

import keras
import numpy as np
import pytest

from skybake.config import make_plan
from skybake.data import splits
from skybake.data.columns import Column, Schema
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.evaluation import trained
from skybake.metrics import classification
from skybake.results import run_folder
from skybake.training import backend, fit, runs
from skybake.training.checkpoints import Checkpoint
from skybake.training.prepared import prepare
from skybake.training.train import train_job
from tests.training_settings import job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]
CATEGORICAL = [
    ("categorical_crossentropy", {}),
    ("categorical_crossentropy", {"from_logits": False}),
    ("focal", {}),
    ("bayesian_categorical_crossentropy", {}),
]
BINARY = [
    ("binary_crossentropy", {}),
    ("binary_crossentropy", {"from_logits": False}),
    ("bayesian_binary_crossentropy", {}),
]
SMALL = {"filters": 4, "units": 8}
NAMES = ("left", "right", "both")


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def write_classes(path, *, counts=(80, 80, 80), names=NAMES, noise=0.3, change=None, seed=0):
    """Write a blob on the left, on the right, or on both sides, with noise; ``change`` may spoil the labels."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat(np.arange(len(counts)), counts)).astype(float)
    y, x = np.mgrid[:12, :12]
    left, right = (np.exp(-0.5 * ((x - centre) ** 2 + (y - 6) ** 2) / 2) for centre in (3, 9))
    shown = np.stack([left, right, left + right])[label.astype(int)]
    image = (shown + rng.normal(0, noise, shown.shape))[..., None]
    if change is not None:
        change(label)
    schema = Schema(
        survey="cifar",
        task="classification",
        bands=("white",),
        image=Column("", "test images"),
        labels={"kind": Column("", "where the blob is", "class", classes=names)},
        scalars={},
        raw={"test.npy": "0" * 64},
        mock=True,
    )
    with create_dataset(path, schema) as writer:
        ids = [f"object-{row}" for row in range(len(label))]
        writer.append(image=image, id=ids, group=ids, labels={"kind": label}, scalars={})
    split = splits.make(load_dataset(path), {"strategy": "holdout", "test": 0.25, "valid": 0.3, "seed": 40})
    splits.write(path.with_name("split.h5"), split)
    return path, path.with_name("split.h5")


def classes_job(loss="categorical_crossentropy", parameters=None, **changes):
    settings = {"epochs": 20, "images": "none", "optimizer": {"name": "adam", "learning_rate": 0.01}, **changes}
    model = job("simple_sequential", loss, loss_parameters=parameters, parameters=SMALL, inputs=(), **settings)
    return model.model_copy(update={"label": "kind"})


def train(files, what, tmp_path):
    train_job(*files, what, {1: tmp_path / "run"}, tmp_path / ".work", FILES)
    return tmp_path / "run"


def history(folder):
    with (folder / "history.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def some_missing(label):
    label[::7], label[3::11] = np.nan, -9999


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three classes with names; a fifth of the objects has no label."""
    return write_classes(tmp_path_factory.mktemp("three") / "dataset.h5", change=some_missing)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two classes without names; a fifth of the objects has no label."""
    path = tmp_path_factory.mktemp("two") / "dataset.h5"
    return write_classes(path, counts=(120, 120), names=(), change=some_missing)


@pytest.mark.parametrize(("loss", "parameters"), CATEGORICAL + BINARY)
def test_every_loss_learns_and_its_accuracy_is_that_of_its_predictions(loss, parameters, three, two, tmp_path):
    files = two if (loss, parameters) in BINARY else three
    folder = train(files, classes_job(loss, parameters, weights="last"), tmp_path)
    opened = load_dataset(files[0])
    test, valid = (run_folder.read_predictions(folder, part, opened) for part in ("test", "valid"))
    assert classification.accuracy(test.label, test.prediction.classes).mean() > 0.95
    rows = history(folder)
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "accuracy", "val_accuracy"]
    correct = classification.accuracy(valid.label, valid.prediction.classes)
    assert len(correct) < len(valid.label)  # some have no label
    assert float(rows[-1]["val_accuracy"]) == pytest.approx(correct.mean(), abs=1e-6)
    assert float(rows[-1]["accuracy"]) > 0.9
    shown = trained.read({1: folder}, opened)[1].history
    assert shown.val_accuracy.tolist() == [float(row["val_accuracy"]) for row in rows]
    assert run_folder.read_history(folder)[-1]["accuracy"] == shown.accuracy[-1]


def test_the_accuracy_of_noisy_logits_is_that_of_the_mean_probabilities():
    """Far from certainty noise moves the most probable class: the metric must see what the prediction sees."""
    from skybake import heads
    from skybake.losses._accuracy import Accuracy

    rng = np.random.default_rng(3)
    label = rng.integers(0, 3, 400).astype(np.float32)
    label[:9] = -9999
    for name, head in {
        "logits": heads.HEADS["logits"](bias=(0.0,) * 3),
        "logits_variance": heads.HEADS["logits_variance"](bias=(0.0,) * 6),
        "binary": heads.HEADS["binary"](),
        "binary_variance": heads.HEADS["binary_variance"](),
    }.items():
        outputs = rng.normal(0, 2, (400, head.width)).astype(np.float32)
        true = label if "logits" in name else np.minimum(label, 1)
        point = head.prediction(outputs.astype(float)).point
        metric = Accuracy(head)
        for some in np.array_split(np.arange(400), 3):
            metric.update_state(true[some, None], outputs[some])
        assert float(metric.result()) == pytest.approx((point == true)[9:].mean(), abs=1e-6), name
        if name == "logits_variance":
            assert (point != outputs[:, :3].argmax(axis=1)).any()


def test_no_label_no_accuracy():
    from skybake import heads
    from skybake.losses._accuracy import Accuracy

    metric = Accuracy(heads.HEADS["logits"](bias=(0.0,) * 3))
    metric.update_state(np.full((4, 1), np.nan, np.float32), np.zeros((4, 3), np.float32))
    assert np.isnan(float(metric.result()))


def test_names_of_classes_reach_the_results(three, two, tmp_path):
    folder = train(three, classes_job(epochs=1), tmp_path / "named")
    assert run_folder.read_predictions(folder, "test", load_dataset(three[0])).classes == NAMES
    assert json.loads((folder / "run.json").read_text())["classes"] == list(NAMES)
    folder = train(two, classes_job(epochs=1), tmp_path / "nameless")
    assert run_folder.read_predictions(folder, "test", load_dataset(two[0])).classes == ()
    assert "classes" not in json.loads((folder / "run.json").read_text())


def test_a_class_that_no_training_object_has_gets_its_output(tmp_path):
    files = write_classes(tmp_path / "dataset.h5", counts=(60, 60), names=NAMES)
    folder = train(files, classes_job(epochs=1), tmp_path)
    found = run_folder.read_predictions(folder, "test", load_dataset(files[0]))
    assert found.prediction.classes.shape[1] == 3


def test_the_number_of_nameless_classes_never_comes_from_the_test_part(tmp_path):
    """A point of a sweep does not see the test part; its network must be the one that is tested."""
    files = write_classes(tmp_path / "dataset.h5", counts=(60, 60, 60), names=())
    split = splits.load(files[1], load_dataset(files[0]))

    def classes(change):
        data = load_dataset(files[0])
        change(data.labels["kind"])
        held = runs.Data(data, split, {}, ("train", "valid"))
        return prepare(held, classes_job()).classes

    def only_in(part):
        def change(label):
            label[:] = np.minimum(label, 1)
            label[getattr(split, part)[0]] = 4

        return change

    assert classes(lambda label: None) == ("0", "1", "2")
    assert classes(only_in("test")) == ("0", "1")
    assert classes(only_in("valid")) == classes(only_in("train")) == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("value", [1.5, -1.0])
def test_a_label_that_is_no_class_is_refused(value, tmp_path):
    def spoil(label):
        label[:] = value

    files = write_classes(tmp_path / "dataset.h5", counts=(30, 30), names=(), change=spoil)
    message = rf"dataset.h5: kind {value:g} of object 'object-\d+' found; expected the number of a class, 0, 1, 2"
    with pytest.raises(ValueError, match=message):
        train(files, classes_job(), tmp_path)


def test_a_binary_loss_refuses_three_classes(three, tmp_path):
    with pytest.raises(runs.TrainingFailed, match="3 classes found; a binary loss expects two"):
        train(three, classes_job("binary_crossentropy"), tmp_path)


def test_class_weights_raise_the_balanced_accuracy_of_rare_classes(tmp_path):
    files = write_classes(tmp_path / "dataset.h5", counts=(570, 30), names=NAMES[:2], noise=1.6)

    def balanced_accuracy(place, weights):
        what = classes_job(parameters={"class_weights": weights} if weights else None, epochs=4)
        folder = train(files, what, tmp_path / place)
        found = run_folder.read_predictions(folder, "test", load_dataset(files[0]))
        record = json.loads((folder / "run.json").read_text())
        table = classification.confusion(found.label, found.prediction.classes)
        return (np.diag(table) / table.sum(axis=1)).mean(), record

    plain, record = balanced_accuracy("plain", None)
    assert "class_weights" not in record
    weighted, record = balanced_accuracy("weighted", "balanced")
    split = splits.load(files[1], load_dataset(files[0]))
    counts = np.bincount(load_dataset(files[0]).labels["kind"][split.train].astype(int))
    assert record["class_weights"] == pytest.approx(counts.sum() / (2 * counts))  # of the training part alone
    assert weighted > plain + 0.1
    _, record = balanced_accuracy("given", {"right": 5})
    assert record["class_weights"] == [1, 5]


def test_class_weights_in_a_config():
    loss = {"focal": {"class_weights": {"source": 5, 0: 1}}}
    bakeoff = {"datasets": ["d"], "models": ["dense"], "losses": [loss]}
    planned = make_plan({"datasets": {"d": {"survey": "decam", "mock": {}}}, "bakeoffs": {"b": bakeoff}})
    chosen = planned.combinations[0].loss
    assert chosen.name == "focal-class_weights=source=5+0=1"
    assert chosen.parameters == {"class_weights": {"source": 5, "0": 1}}  # keys of one kind: they go to JSON, sorted


@pytest.mark.parametrize("labels", ["none", "standardise"])
def test_with_labels_none_the_head_begins_without_bias(labels, tmp_path):
    """As published trainings do; else it begins with the frequencies of the classes. With no rate nothing changes."""
    data = write_classes(tmp_path / "dataset.h5", counts=(120, 60, 30))
    still = {"optimizer": {"name": "sgd", "learning_rate": 1e-30}, "epochs": 1}
    what = classes_job(labels=labels, **still)
    fit.train(what, prepare(runs.load(*data, "kind"), what), 1).save(tmp_path)
    bias = keras.saving.load_model(tmp_path / "model.keras", compile=False).get_layer("head").bias.numpy()
    assert (np.abs(bias) < 1e-20).all() == (labels == "none")


def test_an_interrupted_training_keeps_its_accuracies(three, tmp_path):
    what = classes_job(epochs=4, checkpoint_seconds=0)
    prepared = prepare(runs.load(*three, "kind"), what)
    once = fit.train(what, prepared, 1)
    checkpoint = Checkpoint(tmp_path / "seed-1.npz", "mark")
    states = []

    class Interrupted(Exception):
        pass

    class Stopping(Checkpoint):
        def save(self, state):
            super().save(state)
            states.append(state)
            if len(states) == 2:
                raise Interrupted

    with pytest.raises(Interrupted):
        fit.train(what, prepared, 1, Stopping(checkpoint.path, checkpoint.mark))
    assert fit.train(what, prepared, 1, checkpoint).history == once.history
