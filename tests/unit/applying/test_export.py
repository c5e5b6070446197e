"""Files of distributions predicted for new objects: our own, and what qp reads."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import qp

from skybake.applying import export, parts
from skybake.data.columns import class_column
from skybake.results import distributions, ensembles
from skybake.results.predictions import Prediction
from tests.unit.applying.test_parts import CLASSES, POINT, N, made

RNG = np.random.default_rng(5)
STD = RNG.uniform(0.2, 0.4, N)
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
SHAPE = np.array([-1.6, -0.7, 0, 0.7, 1.6])
EDGES = np.linspace(9, 19, 61)


def of_seeds(**given):
    """Return the mean of two seeds."""
    return ensembles.mean([Prediction(POINT + shift, std=STD, **given) for shift in (0, 0.3)])


BINS = Prediction(POINT, std=STD, probabilities=RNG.dirichlet(np.ones(60), N), edges=EDGES)
FORMS = {
    "gaussian": (Prediction(POINT, std=STD), "norm"),
    "mixture": (of_seeds(), "mixmod"),
    "bins": (BINS, "hist"),
    "quantiles": (Prediction(POINT, quantiles=POINT[:, None] + STD[:, None] * SHAPE, levels=LEVELS), "quant"),
    "student_t": (Prediction(POINT, std=STD, dof=4.0), "quant"),
    "student_mixture": (of_seeds(dof=4.0), "quant"),
}
EXACT = {"gaussian": 1e-6, "mixture": 1e-6, "bins": 1e-6, "quantiles": 0.03, "student_t": 1e-3, "student_mixture": 1e-3}


def written(tmp_path, applied):
    """Return the paths of both files, of an applied survey in two parts."""
    files = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for file, rows in zip(files, (np.arange(40), np.arange(40, N)), strict=True):
        parts.write(file, chosen(applied, rows))
    export.write(files, tmp_path / "distributions.h5")
    export.write_qp(files, tmp_path / "distributions_qp.hdf5")
    return tmp_path / "distributions.h5", tmp_path / "distributions_qp.hdf5"


def chosen(applied, rows):
    arrays = ("ids", "groups", "row", "label", "spread", "distance", "familiarity")
    return replace(
        applied,
        **{name: getattr(applied, name)[rows] for name in arrays},
        scalars={name: values[rows] for name, values in applied.scalars.items()},
        flags={name: values[rows] for name, values in applied.flags.items()},
        prediction=applied.prediction.select(rows),
    )


@pytest.mark.parametrize("form", FORMS)
def test_qp_says_what_we_say(form, tmp_path):
    prediction, name = FORMS[form]
    ours, path = written(tmp_path, made(prediction))
    found, expected = qp.read(str(path)), distributions.required(prediction)
    assert found.gen_class.name == name
    assert found.npdf == N
    grid = POINT[:, None] + np.linspace(-2, 2, 21)
    wanted = expected.cdf(grid)
    below = np.stack([found[row].cdf(grid[row]) for row in range(N)]).reshape(wanted.shape)
    np.testing.assert_allclose(below, wanted, atol=EXACT[form])
    # qp takes quantiles of a mixture from 201 values between the ends of all objects
    allowed = {"mixture": 0.02}.get(form, 2e-3)
    levels = LEVELS if form in ("quantiles", "gaussian", "mixture", "bins") else distributions.STANDARD[10:71:10]
    np.testing.assert_allclose(found.ppf(levels), expected.quantile(levels), atol=allowed)
    with h5py.File(ours) as file:
        assert file.attrs["form"] == form
        assert file.attrs["units"] == "log10 Msun"


def test_qp_has_ids_and_rows_of_the_catalogue(tmp_path):
    point = np.where(np.arange(N) == 50, np.nan, POINT)
    _, path = written(tmp_path, made(Prediction(point, std=STD)))
    found = qp.read(str(path))
    kept = np.delete(np.arange(N), 50)
    assert found.ancil["id"].tolist() == [f"Ob {row} δ" for row in kept]
    assert found.ancil["row"].tolist() == kept.tolist()
    np.testing.assert_allclose(found.ancil["point"], POINT[kept], rtol=1e-6)
    assert [(start, end) for start, end, _ in qp.iterator(str(path), 60)] == [(0, 60), (60, 99)]


def test_our_file_holds_the_form_of_the_head(tmp_path):
    path, _ = written(tmp_path, made(BINS))
    with h5py.File(path) as file:
        assert file["id"].asstr()[:].tolist() == [f"Ob {row} δ" for row in range(N)]
        assert file["row"][:].tolist() == list(range(N))
        np.testing.assert_array_equal(file["edges"][:], EDGES)
        np.testing.assert_allclose(file["probabilities"][:], BINS.probabilities, rtol=1e-6)


@pytest.mark.parametrize("prediction", [CLASSES, Prediction(POINT)], ids=["classes", "point"])
def test_without_distributions_the_file_for_qp_says_why(prediction, tmp_path):
    column = class_column(["star", "galaxy", "quasar"])
    applied = made(prediction, column) if prediction is CLASSES else made(prediction)
    ours, path = written(tmp_path, applied)
    with h5py.File(path) as file:
        assert "no distribution" in file.attrs["empty"]
    with h5py.File(ours) as file:
        assert len(file["point"]) == N
        if prediction is CLASSES:
            assert file["classes"].attrs["names"].tolist() == ["star", "galaxy", "quasar"]
