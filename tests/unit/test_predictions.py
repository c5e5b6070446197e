"""The HDF5 form of predictions."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from skybake import heads
from skybake.data.columns import Column, class_column
from skybake.results import predictions
from skybake.results.predictions import Predicted, Prediction

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


def with_classes(part, names):
    return replace(part, column=class_column(names))


def predicted(prediction):
    rows = np.arange(len(prediction))
    return Predicted(
        ids=np.array([f"object {row}" for row in rows], dtype=object),
        label=np.where(rows == 2, np.nan, rows / 7),
        prediction=prediction,
        scalars={"redshift": rows / 3},
        name="log10_mass",
        column=MASS,
        columns={"redshift": Column("", "how far", "redshift")},
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read(form, tmp_path):
    given = predicted(made(form))
    predictions.write(tmp_path / "p.h5", {"test": given})
    found = predictions.read(tmp_path / "p.h5", "test")
    assert list(found.ids) == list(given.ids)
    assert np.array_equal(found.label, given.label, equal_nan=True)
    assert (found.name, found.units, found.column) == ("log10_mass", "log10 Msun", MASS)
    assert found.columns == given.columns
    assert np.array_equal(found.scalars["redshift"], given.scalars["redshift"])
    expected = given.prediction.given()
    assert set(found.prediction.given()) == set(expected)
    for name, values in found.prediction.given().items():
        exact = name in predictions.SHARED
        assert np.allclose(values, expected[name], rtol=0 if exact else 1e-6, atol=0 if exact else 1e-7), name


def test_names_of_classes_are_kept_and_must_fit(tmp_path):
    names = tuple(f"kind {number}" for number in range(10))
    given = with_classes(predicted(made("logits")), names)
    predictions.write(tmp_path / "p.h5", {"test": given})
    assert predictions.read(tmp_path / "p.h5", "test").classes == names
    predictions.write(tmp_path / "p.h5", {"test": predicted(made("logits"))})
    assert predictions.read(tmp_path / "p.h5", "test").classes == ()
    with pytest.raises(ValueError, match="2 names of classes found \\(star, galaxy\\); expected 10"):
        with_classes(given, ("star", "galaxy"))


@pytest.mark.parametrize("form", FORMS)
def test_the_same_predictions_make_the_same_bytes(form, tmp_path):
    given = predicted(made(form))
    for name in ("a.h5", "b.h5"):
        predictions.write(tmp_path / name, {"valid": given, "test": given})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_bins_take_little_space(tmp_path):
    """A confident network's probabilities are mostly tiny: float32, compressed, edges once."""
    rows = np.arange(4000)
    logits = -0.5 * ((np.arange(60) - rows[:, None] % 60) / 1.5) ** 2
    predictions.write(tmp_path / "p.h5", {"test": predicted(FORMS["bins"].prediction(logits))})
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


def test_other_files_and_parts_are_refused(tmp_path):
    predictions.write(tmp_path / "p.h5", {"test": predicted(made("point"))})
    with pytest.raises(ValueError, match=r"no part 'valid', found \['test'\]"):
        predictions.read(tmp_path / "p.h5", "valid")
    with h5py.File(tmp_path / "p.h5", "a") as file:
        file.attrs["version"] = 1
    with pytest.raises(ValueError, match="not a predictions file of version 3"):
        predictions.read(tmp_path / "p.h5", "test")
