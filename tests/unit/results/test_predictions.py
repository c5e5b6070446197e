"""The HDF5 form of predictions."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from skybake import heads
from skybake.data.columns import Column, Schema, class_column
from skybake.data.dataset import load_dataset
from skybake.data.splits.sky import sky_cells
from skybake.data.writer import create_dataset
from skybake.results import predictions
from skybake.results.predictions import Prediction

N = 300
RNG = np.random.default_rng(0)
FORMS = {
    "point": heads.HEADS["point"](),
    "gaussian": heads.HEADS["gaussian"](),
    "student_t": heads.HEADS["student_t"](),
    "quantiles": heads.HEADS["quantiles"](),
    "mixture": heads.HEADS["mixture"](),
    "bins": heads.HEADS["bins"](edges=tuple(np.linspace(-3, 3, 61)), bias=(0.0,) * 60),
    "logits": heads.HEADS["logits"](bias=(0.0,) * 10),
}


def made(form):
    head = FORMS[form]
    return head.prediction(RNG.normal(size=(N, head.width)))


MASS = Column("log10 Msun", "a mass", "mass", outlier=0.3)
REDSHIFT = Column("", "how far", "redshift")


def write_dataset(path, column=MASS, name="log10_mass", prefix="object"):
    """Write a dataset of N objects, in groups of ten, and open it."""
    rows, task = np.arange(N), "regression" if column is MASS else "classification"
    label = np.where(rows == 2, np.nan, rows / 7 if column is MASS else rows % 10)
    image = Column("counts", "empty images")
    with create_dataset(path, Schema(("g",), image, {name: column}, {"redshift": REDSHIFT}, task=task)) as writer:
        writer.append(
            image=np.zeros((N, 2, 2, 1)),
            id=[f"{prefix} {row}" for row in rows],
            group=[f"group {row // 10}" for row in rows],
            labels={name: label},
            scalars={"redshift": rows / 3},
        )
    return load_dataset(path)


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "dataset.h5")


def write(path, prediction, dataset, rows=None, parts=("test",)):
    rows = np.arange(len(prediction)) if rows is None else rows
    facts = {"dataset": "masses", "ids_digest": dataset.digest, "label": dataset.label}
    predictions.write(path, {part: (rows, prediction) for part in parts}, **facts, strategy={"strategy": "group"})


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read(form, dataset, tmp_path):
    given, rows = made(form), np.random.default_rng(1).permutation(N)
    write(tmp_path / "p.h5", given, dataset, rows)
    found = predictions.read(tmp_path / "p.h5", "test", dataset)
    assert list(found.ids) == [f"object {row}" for row in rows]
    assert list(found.groups) == [f"group {row // 10}" for row in rows]
    assert np.array_equal(found.label, np.where(rows == 2, np.nan, rows / 7), equal_nan=True)
    assert (found.name, found.units, found.column) == ("log10_mass", "log10 Msun", MASS)
    assert found.columns == {"redshift": REDSHIFT}
    assert np.array_equal(found.scalars["redshift"], rows / 3)
    expected = given.given()
    assert set(found.prediction.given()) == set(expected)
    for name, values in found.prediction.given().items():
        exact = name in predictions.SHARED
        assert np.allclose(values, expected[name], rtol=0 if exact else 1e-6, atol=0 if exact else 1e-7), name


def test_a_file_holds_rows_and_predictions_and_nothing_of_the_dataset(dataset, tmp_path):
    write(tmp_path / "p.h5", made("gaussian"), dataset)
    with h5py.File(tmp_path / "p.h5") as file:
        assert set(file["test"]) == {"row", "prediction"}
        assert set(file["test/prediction"]) == {"point", "std"}


def test_groups_are_the_cells_of_a_split_by_sky(tmp_path):
    ra, dec = np.linspace(10, 14, N), np.linspace(0, 2, N)
    columns = {"ra": Column("deg", "", "right_ascension"), "dec": Column("deg", "", "declination")}
    image = Column("counts", "empty images")
    with create_dataset(tmp_path / "d.h5", Schema(("g",), image, {"m": MASS}, columns, task="regression")) as writer:
        ids, labels = [f"object {row}" for row in range(N)], {"m": np.zeros(N)}
        scalars = {"ra": ra, "dec": dec}
        writer.append(image=np.zeros((N, 2, 2, 1)), id=ids, group=ids, labels=labels, scalars=scalars)
    dataset, rows = load_dataset(tmp_path / "d.h5"), np.array([250, 3, 17])
    facts = {"dataset": "sky", "ids_digest": dataset.digest, "label": "m"}
    given = {"test": (rows, Prediction(point=np.zeros(3)))}
    predictions.write(tmp_path / "p.h5", given, **facts, strategy={"strategy": "sky", "cell": 1.0})
    found = predictions.read(tmp_path / "p.h5", "test", dataset).groups
    assert list(found) == list(sky_cells(ra, dec, 1.0)[rows])


def test_names_of_classes_must_fit(tmp_path):
    names = tuple(f"kind {number}" for number in range(10))
    dataset = write_dataset(tmp_path / "d.h5", class_column(names), "kind")
    write(tmp_path / "p.h5", made("logits"), dataset)
    found = predictions.read(tmp_path / "p.h5", "test", dataset)
    assert found.classes == names
    with pytest.raises(ValueError, match="2 names of classes found \\(star, galaxy\\); expected 10"):
        replace(found, column=class_column(("star", "galaxy")))
    nameless = write_dataset(tmp_path / "n.h5", Column("", "kind", "class"), "kind")
    assert predictions.read(tmp_path / "p.h5", "test", nameless).classes == ()


@pytest.mark.parametrize("form", FORMS)
def test_the_same_predictions_make_the_same_bytes(form, dataset, tmp_path):
    given = made(form)
    for name in ("a.h5", "b.h5"):
        write(tmp_path / name, given, dataset, parts=("valid", "test"))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_bins_take_little_space(dataset, tmp_path):
    """A confident network's probabilities are mostly tiny: float32, compressed, edges once."""
    rows = np.arange(4000)
    logits = -0.5 * ((np.arange(60) - rows[:, None] % 60) / 1.5) ** 2
    write(tmp_path / "p.h5", FORMS["bins"].prediction(logits), dataset)
    with h5py.File(tmp_path / "p.h5") as file:
        group = file["test/prediction"]
        assert group["edges"].shape == (61,)
        assert group["probabilities"].dtype == np.float32
        assert group["probabilities"].id.get_storage_size() < 0.5 * 4000 * 60 * 4


def test_rescaled_is_the_distribution_of_the_rescaled_label():
    scale, shift = 2.5, -1.0
    for form in FORMS:
        before = made(form)
        after = before.rescaled(scale, shift)
        moved = {"point", "quantiles", "means", "edges"} if before.classes is None else set()
        for name, values in before.given().items():
            expected = (
                scale * values + shift if name in moved else scale * values if name in ("std", "stds") else values
            )
            assert np.allclose(after.given()[name], expected), (form, name)


@pytest.mark.parametrize("form", ["gaussian", "mixture"])
def test_an_error_of_the_label_adds_to_the_variance(form):
    prediction, sigma = made(form), RNG.uniform(0, 2, N)
    wide = prediction.as_observed(sigma)
    assert np.allclose(wide.std**2, prediction.std**2 + sigma**2)
    if form == "mixture":
        scatter = np.square(wide.stds) + np.square(wide.means - wide.point[:, None])
        assert np.allclose(wide.std**2, np.sum(wide.weights * scatter, axis=1))
    assert np.array_equal(wide.point, prediction.point)
    halves = replace(prediction, epistemic=0.6 * prediction.std, aleatoric=0.8 * prediction.std).as_observed(sigma)
    assert np.allclose(halves.epistemic**2 + halves.aleatoric**2, halves.std**2)


@pytest.mark.parametrize("form", ["student_t", "quantiles", "bins", "logits"])
def test_no_error_is_added_to_what_is_no_gaussian(form):
    with pytest.raises(ValueError, match="expected Gaussians"):
        made(form).as_observed(np.ones(N))


def test_select_takes_rows_and_leaves_what_is_shared():
    part = made("bins").select(np.array([3, 5]))
    assert len(part) == 2
    assert part.probabilities.shape == (2, 60)
    assert part.edges.shape == (61,)


def test_probabilities_of_classes_are_asked_of_classes():
    prediction = made("logits")
    assert prediction.class_probabilities is prediction.classes
    with pytest.raises(ValueError, match="no probabilities of classes"):
        _ = made("gaussian").class_probabilities


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="std of 2 objects found; expected 3"):
        Prediction(point=np.zeros(3), std=np.zeros(2))


def test_as_many_rows_as_predictions(dataset, tmp_path):
    with pytest.raises(ValueError, match="2 rows of part 'test' given; expected 3"):
        write(tmp_path / "p.h5", Prediction(point=np.zeros(3)), dataset, np.arange(2))
    assert not (tmp_path / "p.h5").exists()


def test_another_dataset_is_refused_with_both_names(dataset, tmp_path):
    write(tmp_path / "p.h5", made("point"), dataset)
    other = write_dataset(tmp_path / "galaxies" / "dataset.h5", prefix="galaxy")
    digests = f"'masses' with ids {dataset.digest[:12]}.*galaxies/dataset.h5 has {other.digest[:12]}.*Hint: .*train"
    with pytest.raises(ValueError, match=f"p.h5: predictions for the dataset {digests}"):
        predictions.read(tmp_path / "p.h5", "test", other)
    renamed = write_dataset(tmp_path / "r.h5", name="mass")
    with pytest.raises(ValueError, match=r"p.h5: .* label 'log10_mass', but .*r.h5 has \['mass'\].*Hint: train"):
        predictions.read(tmp_path / "p.h5", "test", renamed)
    assert predictions.belong(tmp_path / "p.h5", dataset)
    assert not predictions.belong(tmp_path / "p.h5", other)


def test_other_files_and_parts_are_refused(dataset, tmp_path):
    write(tmp_path / "p.h5", made("point"), dataset)
    with pytest.raises(ValueError, match=r"no part 'valid', found \['test'\]"):
        predictions.read(tmp_path / "p.h5", "valid", dataset)
    with h5py.File(tmp_path / "p.h5", "a") as file:
        file.attrs["version"] = 3
    with pytest.raises(ValueError, match=r"p.h5: not a predictions file of version 4\. Hint: train the run again"):
        predictions.read(tmp_path / "p.h5", "test", dataset)
    assert not predictions.belong(tmp_path / "p.h5", dataset)
