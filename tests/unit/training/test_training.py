"""Training: composition of every model with every loss, reproducibility, resuming, failures."""

import json
import os
import re
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter

from skybake import baselines, heads, plugins
from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.missing import present
from skybake.results import predictions
from skybake.settings import one_of
from skybake.training import backend, feeding, preprocessing, runs
from skybake.training import images as image_steps
from skybake.training.callbacks import build_callbacks
from skybake.training.checkpoints import Checkpoint
from skybake.training.network import build_optimizer, compose_network
from skybake.training.prepared import prepare
from skybake.training.schedules import plateau
from skybake.training.train import train_job
from tests.conftest import ROOT, write_dataset
from tests.training_settings import baseline, job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def train(small, what, tmp_path, seeds=(1,)):
    folders = {seed: tmp_path / f"seed-{seed}" for seed in seeds}
    train_job(*small, what, folders, tmp_path / ".work", FILES)
    return folders


REGRESSION = [
    name
    for name, part in plugins.losses().items()
    if "regression" in part.constants["tasks"] and name == part.constants["function"]  # aliases are the same function
]


@pytest.mark.parametrize("model", list(plugins.models()))
def test_every_model_takes_any_image(model):
    needs_scalars = plugins.models()[model].constants.get("NEEDS_SCALARS", False)
    for size, channels, scalars in ((50, 10, 1), (32, 5, 1 if needs_scalars else 0), (21, 1, 2)):
        shapes = {"image": (size, size, channels)} | ({"scalars": (scalars,)} if scalars else {})
        network = compose_network(job(model), shapes, heads.HEADS["gaussian"]())
        batch = {name: np.ones((3, *shape), np.float32) for name, shape in shapes.items()}
        assert network.predict(batch, verbose=0).shape == (3, 2)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [("simple_sequential", 866_831), ("deeper_sequential", 43_091), ("nonsequential", 106_282)],
)
def test_parameter_counts_of_the_reference(model, parameters):
    network = compose_network(job(model), {"image": (50, 50, 10), "scalars": (1,)}, heads.HEADS["point"]())
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == parameters


@pytest.mark.parametrize("loss", REGRESSION)
def test_every_loss_trains_every_head(loss, small, tmp_path):
    folder = train(small, job("deeper_sequential", loss, parameters={"filters": 4}), tmp_path)[1]
    result = predictions.read(folder / "predictions.h5", "test", load_dataset(small[0]))
    assert result.prediction.point.shape == result.label.shape == (24,)
    assert np.isfinite(result.prediction.point).all()
    record = json.loads((folder / "run.json").read_text())
    assert record["epochs"] == 2
    assert (record["library_model"], record["library_loss"]) == ("deeper_sequential", loss)
    assert record["head"] == record["fitted_head"]["name"] == plugins.losses()[loss].constants["head"]
    assert record["n_train"] + record["n_valid"] + record["n_test"] == 120


def test_same_seed_same_bytes_whatever_came_before(small, tmp_path):
    what = job(epochs=3)
    alone = train(small, what, tmp_path / "alone", seeds=(2,))[2]
    after = train(small, what, tmp_path / "after", seeds=(1, 2))
    for name in ("history.csv", "predictions.h5", "model.keras", "run.json"):
        assert (alone / name).read_bytes() == (after[2] / name).read_bytes(), name
    assert (after[1] / "model.keras").read_bytes() != (after[2] / "model.keras").read_bytes()


def test_a_done_seed_is_not_trained_again_and_a_changed_job_is(small, tmp_path):
    folder = train(small, job(), tmp_path)[1]
    timing = (folder / "timing.json").read_bytes()
    train(small, job(), tmp_path, seeds=(1, 2))
    assert (folder / "timing.json").read_bytes() == timing
    train(small, job(epochs=3), tmp_path)
    assert (folder / "timing.json").read_bytes() != timing


@pytest.mark.parametrize("damage", ["predictions.h5", "run.json", "model.keras", "timing.json"])
def test_a_damaged_run_is_trained_again(damage, small, tmp_path):
    folder = train(small, job(epochs=1), tmp_path)[1]
    before = (folder / "predictions.h5").read_bytes()
    (folder / damage).write_bytes(b"{")  # the file in the working folder is the same one
    train(small, job(epochs=1), tmp_path)
    assert (folder / "predictions.h5").read_bytes() == before
    assert json.loads((folder / "run.json").read_text())["seed"] == 1


def test_a_diverging_seed_is_told_and_the_others_are_kept(small, tmp_path):
    diverging = job("deeper_sequential", optimizer={"name": "sgd", "learning_rate": 1e30}, inputs=[])
    with pytest.raises(runs.TrainingFailed, match="seed 1: TrainingDiverged: loss"):
        train(small, diverging, tmp_path)
    assert not (tmp_path / "seed-1").exists()


def test_images_and_labels_none_leave_data_alone(small):
    data = runs.load(*small, "log10_mass")
    prepared = prepare(data, job())
    plain = prepare(data, job(images="none", labels="none"))
    rows = data.split.train
    assert np.array_equal(plain.parts["train"].images.in_memory, data.dataset.images(rows))
    known = present(plain.parts["train"].targets)
    assert np.allclose(plain.parts["train"].targets[known], data.label("log10_mass", "train")[known[:, 0]])
    assert abs(prepared.parts["train"].targets[known].mean()) < 1e-5
    assert abs(prepared.parts["train"].images.in_memory.mean()) < 1e-4
    missing = np.isnan(data.dataset.labels["log10_mass"][rows])
    assert (prepared.parts["train"].targets[missing] == -9999).all()


def test_preprocessing_is_fitted_on_the_training_part_only(small):
    data = runs.load(*small, "log10_mass")
    step = prepare(data, job()).image_step
    assert step.as_dict() == image_steps.fit(step.options, data.dataset.images(np.sort(data.split.train))).as_dict()
    assert step.as_dict() != image_steps.fit(step.options, data.dataset.images(np.arange(120))).as_dict()


def test_best_weights_are_those_of_the_lowest_validation_loss(small, tmp_path):
    what = job(epochs=6, optimizer={"name": "adam", "learning_rate": 0.03}, labels="none", images="none")
    best = train(small, what, tmp_path / "best")[1]
    history = np.genfromtxt(best / "history.csv", delimiter=",", names=True)
    record = json.loads((best / "run.json").read_text())
    assert record["best_epoch"] == 1 + int(history["val_loss"].argmin())
    result = predictions.read(best / "predictions.h5", "valid", load_dataset(small[0]))
    known = np.isfinite(result.label)
    squares = np.mean((result.prediction.point - result.label)[known] ** 2)
    assert squares == pytest.approx(history["val_loss"].min(), rel=1e-3)


def test_the_saved_network_predicts_what_was_written(small, tmp_path):
    folder = tmp_path / "seed-1"
    train_job(*small, job(loss="gaussian_nll"), {1: folder}, tmp_path / ".work", [*FILES, "predictor.keras"])
    network = keras.saving.load_model(folder / "model.keras")
    prepared = prepare(runs.load(*small, "log10_mass"), job())
    raw = network.predict(feeding.batches(prepared.parts["test"], 256), verbose=0).astype(np.float64)
    points = raw[:, 0] * prepared.target_step.std[0] + prepared.target_step.mean[0]
    written = predictions.read(folder / "predictions.h5", "test", load_dataset(small[0])).prediction
    assert np.allclose(points, written.point, atol=1e-6)
    assert (written.std > 0).all()
    opened = load_dataset(small[0])
    rows = splits.load(small[1], opened).test
    raw = {"image": opened.images(np.sort(rows)), "redshift": opened.scalars["redshift"][np.sort(rows)]}
    told = keras.saving.load_model(folder / "predictor.keras").predict(raw, verbose=0)
    order = np.argsort(rows)
    for name in ("point", "std"):
        expected = getattr(written, name)[order]
        assert np.allclose(told[name], expected, rtol=0, atol=1e-5 * prepared.target_step.std[0]), name


def test_no_time_or_place_in_result_files(small, tmp_path):
    folder = train(small, job(), tmp_path)[1]
    for name in ("history.csv", "run.json", "predictions.h5", "model.keras"):
        content = (folder / name).read_bytes()
        for word in (str(tmp_path), "date_saved", time.strftime("%Y-%m-%d")):
            assert word.encode() not in content, (name, word)
    assert os.uname().nodename not in re.findall(r"[\w.-]+", (folder / "run.json").read_text())


def test_a_split_of_another_dataset_is_refused(small, tmp_path):
    other = write_dataset(tmp_path / "other.h5", prefix="other")
    with pytest.raises(ValueError, match="made for a dataset with ids"):
        train_job(other, small[1], job(), {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES)


@pytest.mark.parametrize(
    "name", [name for name, part in plugins.in_room("baselines", "build").items() if "regression" in part.tasks]
)
def test_every_baseline_predicts(name, small, tmp_path):
    what = baseline(name)
    baselines.fit_job(*small, what, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES[:-1])
    result = predictions.read(tmp_path / "seed-1" / "predictions.h5", "test", load_dataset(small[0]))
    errors = result.prediction.point - result.label
    sees_images = name in ("ridge_bands", "total_flux")  # the scalar, a redshift, does not tell the label
    assert np.nanstd(errors) <= (0.6 if sees_images else 1.6) * np.nanstd(result.label)


def test_a_network_beats_the_constant(small, tmp_path):
    folder = train(small, job("deeper_sequential", parameters={"filters": 8}, epochs=25, batch_size=8), tmp_path)[1]
    result = predictions.read(folder / "predictions.h5", "test", load_dataset(small[0]))
    assert np.nanstd(result.prediction.point - result.label) < 0.7 * np.nanstd(result.label)


def test_both_backends_train_the_same_network(small, tmp_path):
    """Two frameworks start from other weights, but both must learn; each runs in a process of its own."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from skybake.training import train as training
        from tests.training_settings import baseline, job
        backend, dataset, split, out = sys.argv[1:]
        what = job("deeper_sequential", parameters={"filters": 4}, backend=backend, epochs=8, batch_size=8)
        files = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]
        training.train_job(Path(dataset), Path(split), what, {1: Path(out)}, Path(out) / ".work", files)
        """
    )
    for name in ("tensorflow", "jax"):
        subprocess.run(
            [sys.executable, "-c", script, name, *map(str, small), str(tmp_path / name)],
            check=True,
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"},
        )
        result = predictions.read(tmp_path / name / "predictions.h5", "test", load_dataset(small[0]))
        assert np.nanstd(result.prediction.point - result.label) < np.nanstd(result.label)
        assert ("jax" in json.loads((tmp_path / name / "run.json").read_text())["versions"]) is (name == "jax")


def test_a_second_backend_in_one_process_is_refused():
    with pytest.raises(backend.BackendError, match="already"):
        backend.start("jax", threads=1, precision="float32")


def test_half_precision_is_refused_where_it_would_crawl(monkeypatch):
    monkeypatch.setattr(backend, "BF16_FLAGS", ("no_such_instruction",))
    with pytest.raises(backend.BackendError, match=r"mixed_bfloat16.*Hint: precision: float32"):
        backend.start("tensorflow", threads=1, precision="mixed_bfloat16")


@pytest.mark.skipif(not backend.bfloat16_is_fast(), reason="no bfloat16 instructions on this processor")
def test_half_precision_trains(small, tmp_path):
    try:
        what = job("deeper_sequential", parameters={"filters": 4}, precision="mixed_bfloat16", epochs=8, batch_size=8)
        folder = train(small, what, tmp_path)[1]
    finally:
        backend.start("tensorflow", threads=1, precision="float32")
    result = predictions.read(folder / "predictions.h5", "test", load_dataset(small[0]))
    assert np.nanstd(result.prediction.point - result.label) < np.nanstd(result.label)


def test_a_mixed_model_sees_the_scalars(small, tmp_path):
    what = job("mixed_deeper_sequential", parameters={"filters": 4}, epochs=1)
    folder = train(small, what, tmp_path)[1]
    network = keras.saving.load_model(folder / "model.keras")
    images, one = np.zeros((2, 32, 32, 2), np.float32), np.array([[0.0], [3.0]], np.float32)
    first, second = network.predict({"image": images, "scalars": one}, verbose=0)
    assert first != second
    plain = compose_network(job("deeper_sequential"), {"image": (32, 32, 2), "scalars": (1,)}, heads.HEADS["point"]())
    first, second = plain.predict({"image": images, "scalars": one}, verbose=0)
    assert first == second


def test_a_missing_input_scalar_becomes_the_training_mean(tmp_path):
    path = write_dataset(tmp_path / "d.h5", missing_scalars=[0, 1, 2])
    split = splits.make(
        load_dataset(path), {"strategy": "fractions", "train": 0.6, "valid": 0.2, "test": 0.2, "seed": 1}
    )
    splits.write(tmp_path / "s.h5", split)
    data = runs.load(path, tmp_path / "s.h5", "log10_mass")
    for images, expected in (("log", 0.0), ("none", np.nanmean(data.scalars(["redshift"], "train")["redshift"]))):
        prepared = prepare(data, job(images=images))
        found = np.concatenate([prepared.parts[part].scalars for part in splits.PARTS])
        rows = np.concatenate([getattr(split, part) for part in splits.PARTS])
        assert np.isfinite(found).all()
        assert found[rows < 3] == pytest.approx(expected, abs=1e-6)
    what = baseline("total_flux")
    baselines.fit_job(path, tmp_path / "s.h5", what, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES[:-1])


@pytest.mark.parametrize("name", ["flips", "flips_and_turns"])
def test_augmentation_gives_every_form_and_nothing_else(name):
    image = np.arange(18, dtype=np.float32).reshape(3, 3, 2)
    forms = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    if name == "flips_and_turns":
        forms += [form.swapaxes(0, 1) for form in forms]
    drawn = preprocessing.draw_forms(name, 400, 32, [1, 1])
    found = np.asarray(preprocessing.mirrored(np.stack([image] * 400), drawn, name))
    counts = [sum(np.array_equal(item, form) for item in found) for form in forms]
    assert sum(counts) == 400
    assert min(counts) > 200 / len(forms)


def test_each_batch_draws_its_own_forms():
    drawn = preprocessing.draw_forms("flips", 100, 32, [1, 5])
    for batch in range(4):  # whatever was drawn before
        expected = np.random.default_rng([1, 5, batch]).integers(4, size=min(32, 100 - 32 * batch))
        np.testing.assert_array_equal(drawn[32 * batch : 32 * (batch + 1)], expected)
    assert not preprocessing.draw_forms("none", 100, 32, [1, 5]).any()


def test_images_that_are_not_square_are_not_turned():
    with pytest.raises(ValueError, match="Hint: augmentation: flips"):
        feeding.usable_augmentation("flips_and_turns", (3, 4, 1))
    assert feeding.usable_augmentation("flips", (3, 4, 1)) == "flips"


def test_augmentation_changes_the_training_and_reproduces(small, tmp_path):
    what = job("deeper_sequential", parameters={"filters": 4}, augmentation="flips_and_turns", images="per_pixel")
    once, twice = (train(small, what, tmp_path / name)[1] for name in ("once", "twice"))
    assert (once / "model.keras").read_bytes() == (twice / "model.keras").read_bytes()
    plain = train(small, job("deeper_sequential", parameters={"filters": 4}, images="per_pixel"), tmp_path / "plain")[1]
    assert (once / "history.csv").read_bytes() != (plain / "history.csv").read_bytes()


def test_l2_adds_the_squared_kernels_to_the_loss(small, tmp_path):
    """With a learning rate of nearly nothing the weights are those of the start."""
    still = {"epochs": 1, "optimizer": {"name": "sgd", "learning_rate": 1e-30}}
    runs_ = {l2: train(small, job("deeper_sequential", l2=l2, **still), tmp_path / str(l2))[1] for l2 in (0.0, 0.5)}
    history = {l2: np.genfromtxt(run / "history.csv", delimiter=",", names=True) for l2, run in runs_.items()}
    network = keras.saving.load_model(runs_[0.5] / "model.keras", compile=False)
    kernels = [weight.numpy() for weight in network.trainable_weights if weight.name == "kernel"]
    assert len(kernels) == 5
    added = 0.5 * sum(float((kernel.astype(np.float64) ** 2).sum()) for kernel in kernels)
    for column in ("loss", "val_loss"):
        assert history[0.5][column] - history[0.0][column] == pytest.approx(added, rel=1e-5)


def test_per_pixel_gives_every_pixel_unit_variance(small):
    data = runs.load(*small, "log10_mass")
    image = prepare(data, job(images="per_pixel")).parts["train"].images.in_memory
    assert image.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert image.std(axis=0) == pytest.approx(1, abs=1e-4)


def test_a_plateau_lowers_the_learning_rate(small, tmp_path, capsys):
    import keras

    rates = []
    spy = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(logs.get("learning_rate")))
    callbacks = [plateau.callback(plateau.Options(name="plateau", patience=1)), spy]
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(build_optimizer(job(schedule={"name": "plateau"}).training, steps=1), loss="mse")
    x = np.ones((4, 1), np.float32)
    network.fit(x, x, validation_data=(x, np.full_like(x, np.nan)), epochs=4, verbose=0, callbacks=callbacks)
    assert rates[-1] < rates[0]


def test_a_plateau_lowers_the_learning_rate_to_the_minimum():
    schedule = {"name": "plateau", "factor": 0.1, "patience": 1, "minimum": 1e-4}
    what = job(epochs=6, schedule=schedule, optimizer={"learning_rate": 1e-3}, images="none", labels="none")
    block = what.training
    built = build_callbacks(block, "title", Checkpoint(), None)
    built.close()
    (callback,) = (callback for callback in built.all if isinstance(callback, keras.callbacks.ReduceLROnPlateau))
    assert callback.min_lr == 1e-4
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(build_optimizer(block, steps=1), loss="mse")
    x = np.ones((4, 1), np.float32)
    network.fit(x, x, validation_data=(x, np.full_like(x, np.nan)), epochs=6, verbose=0, callbacks=[callback])
    assert float(network.optimizer.learning_rate) == pytest.approx(1e-4)


def test_training_stops_early_where_the_validation_loss_no_longer_falls(small, tmp_path):
    still = {"optimizer": {"learning_rate": 1e-12}, "schedule": {"warmup_epochs": 0}}  # nothing is learned
    what = job(epochs=9, early_stopping={"patience": 2, "min_delta": 0.001}, **still)
    folder = train(small, what, tmp_path / "stopped")[1]
    assert len(np.genfromtxt(folder / "history.csv", delimiter=",", names=True)) == 3
    assert json.loads((folder / "run.json").read_text())["epochs"] == 3
    folder = train(small, job(epochs=4, **still), tmp_path / "whole")[1]
    assert json.loads((folder / "run.json").read_text())["epochs"] == 4


def test_bins_of_equal_population_hold_as_many_training_labels_each(small, tmp_path):
    what = job(loss="bin_crossentropy", loss_parameters={"count": 6, "spacing": "equal_population"}, epochs=1)
    folder = train(small, what, tmp_path)[1]
    edges = predictions.read(folder / "predictions.h5", "test", load_dataset(small[0])).prediction.edges
    label = runs.load(*small, "log10_mass").label("log10_mass", "train")
    counts = np.histogram(label[np.isfinite(label)], edges)[0]
    assert len(counts) == 6
    assert counts.min() >= counts.max() - 1


def test_the_optimizer_has_the_epsilon_of_the_config():
    block = job(optimizer={"name": "adam", "learning_rate": 1e-4, "epsilon": 0.1}).training
    assert build_optimizer(block, steps=3).epsilon == 0.1


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_the_learning_rate_warms_up(name):
    from skybake.training.settings import Training

    block = Training(epochs=10, schedule={"name": name, "warmup_epochs": 2}, optimizer={"learning_rate": 0.01})
    rate = build_optimizer(block, steps=5)._learning_rate
    rates = [float(rate(step)) for step in (0, 5, 10, 49)]
    assert rates[0] < 0.0011
    assert rates[1] == pytest.approx(0.0055, rel=0.1)
    assert rates[2] == pytest.approx(0.01, rel=1e-3)
    assert rates[3] == pytest.approx(0.01 if name == "constant" else 0.0, abs=2e-4)


HALVING = '''"""A rate that is halved after some epochs."""

from typing import Literal

from pydantic import Field

from skybake.training.schedules._schedule import Schedule

LENGTH_MATTERS = False


class Options(Schedule):
    """The rate is halved after some epochs."""

    name: Literal["halving"]
    after: int = Field(1, ge=1, description="Epochs.")


def rate(options, learning_rate, *, epochs, steps):
    import keras

    rates = [learning_rate, learning_rate / 2]
    return keras.optimizers.schedules.PiecewiseConstantDecay([options.after * steps], rates)
'''


def test_a_file_is_enough_for_a_schedule(new_plugin):
    new_plugin("training/schedules", "halving", HALVING)
    block = TypeAdapter(one_of("training/schedules", "rate", tag="name", usual="halving")).validate_python({"after": 2})
    training = job(optimizer={"learning_rate": 0.01}).training.model_copy(update={"schedule": block})
    rate = build_optimizer(training, steps=5)._learning_rate
    assert [float(rate(step)) for step in (0, 10, 11)] == pytest.approx([0.01, 0.01, 0.005])
    build_callbacks(training, "title", Checkpoint(), None).close()
