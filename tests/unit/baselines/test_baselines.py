"""Features of the baselines, what they predict of classes, and which seeds they are fitted for."""

import json

import numpy as np
import pytest

from skybake import baselines, plugins
from skybake.baselines import _scalars, nearest_neighbours, redshift_only
from skybake.config import make_plan, messages
from skybake.data import splits
from skybake.data.columns import Column, Schema, class_column
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.evaluation.judge import judge
from skybake.raw.sdss.columns import scalar_column
from skybake.results import run_folder
from tests.training_settings import baseline

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json"]
BASELINES = plugins.in_room("baselines", "build")
FRACTIONS = {"strategy": "fractions", "train": 0.6, "valid": 0.2, "test": 0.2, "seed": 1}


def of_sdss(values):
    return _scalars.Scalars(values, {name: scalar_column(name, "") for name in values})


def test_the_redshift_is_found_whatever_it_is_called():
    values = {"a": np.zeros(3), "photo": np.arange(3.0)}
    columns = {"a": Column("", ""), "photo": Column("", "", "redshift")}
    assert redshift_only.features(None, _scalars.Scalars(values, columns))[:, 0].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="no scalar of kind 'redshift'; found a"):
        redshift_only.features(None, _scalars.Scalars({"a": np.zeros(3)}, columns))


def test_colours_are_made_of_magnitudes_in_neighbouring_bands_only():
    names = ["cModelMag_g", "cModelMag_r", "cModelMag_i", "extinction_r", "redshift", "g-r", "padded_fraction"]
    scalars = {name: np.array([10.0**place, 0.0]) for place, name in enumerate(names)}
    found = _scalars.magnitudes_and_colours(of_sdss(scalars))
    assert np.array_equal(found[0], [*10.0 ** np.arange(7), -9.0, -90.0])
    assert np.array_equal(found[1], np.zeros(9))


def test_short_names_and_interleaved_ones_make_colours_too():
    found = _scalars.magnitudes_and_colours(
        of_sdss({band: np.array([float(place**2)]) for place, band in enumerate("ugriz")})
    )
    assert found[0, 5:].tolist() == [-1, -3, -5, -7]
    mixed = {"psfMag_g": [18.0], "extinction_g": [0.2], "psfMag_r": [17.0], "extinction_r": [0.1]}
    found = _scalars.magnitudes_and_colours(of_sdss({name: np.array(values) for name, values in mixed.items()}))
    assert found[0, 4:] == pytest.approx([1.0, 0.1])


def test_neighbours_do_not_see_a_colour_of_magnitude_and_extinction():
    scalars = {"cModelMag_z": np.arange(3.0), "extinction_r": np.array([0.1, 0.2, 0.3])}
    assert nearest_neighbours.features(None, of_sdss(scalars)).shape == (3, 2)


def write_classes(folder, names=("faint", "blue", "red"), known=3):
    """Write 240 blobs in two bands, noise 0.3 a pixel, whose fluxes tell the class; the last label is missing."""
    rng = np.random.default_rng(4)
    label = rng.integers(known, size=240).astype(float)
    y, x = np.mgrid[:16, :16] - 7.5
    flux = np.array([[0.2, 0.2], [1.5, 0.5], [0.5, 1.5]])[label.astype(int)]
    image = flux[:, None, None, :] * np.exp(-0.5 * (x**2 + y**2) / 4)[None, :, :, None]
    label[-1] = np.nan
    schema = Schema(
        survey="decam",
        task="classification",
        bands=("g", "r"),
        image=Column("", "test images"),
        labels={"kind": class_column(names)},
        scalars={},
        raw={},
    )
    with create_dataset(folder / "dataset.h5", schema) as writer:
        writer.append(
            image=image + rng.normal(0, 0.3, image.shape),
            id=[f"o{i}" for i in range(240)],
            group=[f"g{i}" for i in range(240)],
            labels={"kind": label},
            scalars={},
        )
    splits.write(folder / "split.h5", splits.make(load_dataset(folder / "dataset.h5"), FRACTIONS))
    return folder / "dataset.h5", folder / "split.h5"


def fit(name, data, folder, seeds=(1,), **parameters):
    what = baseline(name).model_copy(update={"model_parameters": parameters, "inputs": (), "label": "kind"})
    folders = {seed: folder / name / f"seed-{seed}" for seed in seeds}
    baselines.fit_job(*data, what, folders, folder / name / ".work", FILES)
    return folders


@pytest.mark.parametrize("name", [name for name, part in BASELINES.items() if "classification" in part.tasks])
def test_baselines_of_classes_are_judged(name, tmp_path):
    data = write_classes(tmp_path)
    folders = fit(name, data, tmp_path)
    judge(folders, load_dataset(data[0]), tmp_path / "m.json", {"draws": 50, "level": 0.9, "seed": 1})
    found = json.loads((tmp_path / "m.json").read_text())["test"]["pooled"]
    if name == "constant":
        assert found["accuracy"]["value"] < 0.5
        assert found["log_loss"]["value"] == pytest.approx(np.log(3), abs=0.1)
    else:
        assert found["accuracy"]["value"] > 0.8
        assert found["log_loss"]["value"] < 0.5


def test_the_constant_predicts_the_frequencies_of_the_training_part(tmp_path):
    data = write_classes(tmp_path, names=("faint", "blue", "red", "none"))
    (folder,) = fit("constant", data, tmp_path).values()
    dataset = load_dataset(data[0])
    label = dataset.labels["kind"][splits.load(data[1], dataset).train]
    label = label[np.isfinite(label)].astype(int)
    found = run_folder.read_predictions(folder, "test", dataset).prediction
    assert found.classes == pytest.approx(np.tile(np.bincount(label, minlength=4) / len(label), (len(found.point), 1)))
    assert set(found.point) == {np.bincount(label).argmax()}


def test_classes_without_names_are_counted(tmp_path):
    data = write_classes(tmp_path, names=(), known=2)
    (folder,) = fit("logistic_bands", data, tmp_path).values()
    found = run_folder.read_predictions(folder, "valid", load_dataset(data[0])).prediction
    assert found.classes.shape[1] == 2
    assert found.classes.sum(axis=1) == pytest.approx(1)


def test_a_seed_changes_what_uses_it(tmp_path):
    data = write_classes(tmp_path)
    folders = fit("boosted_trees", data, tmp_path, seeds=(1, 2), iterations=20)
    opened = load_dataset(data[0])
    first, second = (run_folder.read_predictions(folder, "test", opened).prediction for folder in folders.values())
    assert not np.array_equal(first.classes, second.classes)
    (again,) = fit("boosted_trees", data, tmp_path / "again", iterations=20).values()
    assert (again / "predictions.h5").read_bytes() == (folders[1] / "predictions.h5").read_bytes()


STAMPS = {
    "datasets": {"stamps": {"survey": "decam", "mock": {}}},
    "bakeoffs": {
        "b": {
            "datasets": ["stamps"],
            "models": ["dense"],
            "losses": ["focal"],
            "baselines": ["constant", "boosted_trees"],
            "seeds": [3, 4],
        }
    },
}


def test_a_baseline_that_uses_no_seed_is_fitted_once():
    plan = make_plan(STAMPS)
    seeds = {job.model.name: job.seeds for job in plan.combinations}
    assert seeds == {"dense": (3, 4), "constant": (3,), "boosted_trees": (3, 4)}
    assert list(plan.run_folders("stamps", "constant", "baseline")) == [3]
    assert [row["seeds"] for row in plan.rows("stamps")] == [[3, 4], [3], [3, 4]]
    assert plan.baseline_seeds("b") == [(3,), (3, 4)]
    assert plan.constraints("b", networks=False, seeds=(3,))["model"] == "constant"
    assert plan.constraints("b", networks=False, seeds=(3, 4))["model"] == "boosted_trees"


def test_a_baseline_that_does_not_suit_the_task_is_refused():
    given = {**STAMPS, "bakeoffs": {"b": {**STAMPS["bakeoffs"]["b"], "baselines": ["constant", "total_flux"]}}}
    with pytest.raises(messages.ConfigError) as error:
        make_plan(given)
    assert str(error.value).splitlines()[1:] == [
        "  bakeoffs.b.baselines[1]: the baseline 'total_flux' is for regression, the dataset 'stamps' is a"
        " classification; allowed: boosted_trees, constant, logistic_bands."
    ]
