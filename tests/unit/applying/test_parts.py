"""Files of predictions for new objects."""

from dataclasses import fields, replace

import h5py
import numpy as np
import pytest

from skybake.applying import parts
from skybake.applying.parts import Applied
from skybake.data.columns import Column, class_column
from skybake.results.predictions import Prediction

N = 100
RNG = np.random.default_rng(3)
POINT = RNG.normal(14, 1, N)
QUANTILES = Prediction(
    point=POINT, std=np.ones(N), quantiles=POINT[:, None] + [-1, 0, 1], levels=np.array([0.1, 0.5, 0.9])
)
MIXTURE = Prediction(
    point=POINT, std=np.ones(N), **dict.fromkeys(("weights", "means", "stds"), np.ones((N, 2))), dof=5.0
)
CLASSES = Prediction(point=np.zeros(N), classes=RNG.dirichlet([1, 1, 1], N))
MASS = Column("log10 Msun", "a mass", "mass", outlier=0.3)
SCALARS = {"ra": Column("deg", "east", "right_ascension"), "S/N": Column("", "signal to noise", "signal_to_noise")}


def made(prediction=QUANTILES, column=MASS):
    rows = np.arange(N)
    return Applied(
        ids=np.array([f"Ob {row} δ" for row in rows], dtype=object),
        groups=np.array([f"halo {row // 3}" for row in rows], dtype=object),
        row=rows + 7,
        label=np.where(rows % 2, np.nan, POINT),
        scalars={"ra": rows / 3, "S/N": rows / 7},
        prediction=prediction,
        spread=np.full(N, 0.25),
        distance=rows / 4,
        familiarity=rows / 2,
        flags={"unfamiliar": rows > 90, "padded": rows < 3},
        name="log10_m500c",
        column=column,
        columns=SCALARS,
    )


def same(one, other):
    for item in fields(Applied):
        left, right = getattr(one, item.name), getattr(other, item.name)
        if isinstance(left, Prediction):
            left, right = left.given(), right.given()
        if isinstance(left, dict) and item.name != "columns":
            assert sorted(left) == sorted(right), item.name
            for name in left:
                np.testing.assert_allclose(left[name], right[name], rtol=1e-6, err_msg=f"{item.name} {name}")
        elif isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=item.name)
        else:
            assert left == right, item.name


@pytest.mark.parametrize(
    ("prediction", "column"),
    [(QUANTILES, MASS), (MIXTURE, MASS), (CLASSES, class_column(("spiral", "round", "S/N, odd")))],
    ids=["quantiles", "mixture", "classes"],
)
def test_what_is_written_is_read(prediction, column, tmp_path):
    parts.write(tmp_path / "0.h5", made(prediction, column))
    (found,) = parts.read(tmp_path / "0.h5")
    same(made(prediction, column), found)
    assert found.classes == (column.classes if prediction is CLASSES else ())
    assert np.array_equal(found.ra, np.arange(N) / 3)
    assert found.dec is None


def some(applied, rows):
    """Return the objects of some rows."""
    arrays = ("ids", "groups", "row", "label", "spread", "distance", "familiarity")
    return replace(
        applied,
        **{name: getattr(applied, name)[rows] for name in arrays},
        scalars={name: values[rows] for name, values in applied.scalars.items()},
        flags={name: values[rows] for name, values in applied.flags.items()},
        prediction=applied.prediction.select(rows),
    )


def test_blocks_and_files_are_read_in_their_order_whatever_the_blocks(tmp_path):
    whole = made()
    parts.write(tmp_path / "one.h5", whole)
    parts.write(tmp_path / "blocks.h5", (some(whole, np.arange(first, first + 20)) for first in range(0, N, 20)))
    (found,) = parts.read(tmp_path / "blocks.h5")
    same(whole, found)
    found = list(parts.read([tmp_path / "one.h5", tmp_path / "blocks.h5"], objects=70))
    assert [len(one) for one in found] == [70, 30, 70, 30]
    assert np.concatenate([one.row for one in found]).tolist() == 2 * (np.arange(N) + 7).tolist()


def test_blocks_of_other_levels_are_refused_and_leave_no_file(tmp_path):
    other = replace(made(), prediction=replace(QUANTILES, levels=np.array([0.1, 0.4, 0.9])))
    with pytest.raises(ValueError, match="other levels found than those of the objects before"):
        parts.write(tmp_path / "0.h5", [made(), other])
    assert not list(tmp_path.iterdir())


def test_arrays_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="spread of 3 objects found; expected 100"):
        replace(made(), spread=np.ones(3))


def test_a_file_of_another_kind_is_refused(tmp_path):
    h5py.File(tmp_path / "other.h5", "w").close()
    with pytest.raises(ValueError, match="not a file of predictions for new objects"):
        next(parts.read(tmp_path / "other.h5"))
