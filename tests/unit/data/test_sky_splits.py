"""Splits by place on the sky: equal areas, the seam in right ascension, the poles, and bootstraps of whole cells."""

from dataclasses import replace

import numpy as np
import pytest

from skybake import baselines
from skybake.config.blocks import DatasetBlock
from skybake.data import columns, splits
from skybake.data.dataset import load_dataset
from skybake.data.splits.sky import sky_cells
from skybake.data.writer import create_dataset
from skybake.evaluation import trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.results import predictions
from tests.conftest import SCHEMA, write_dataset
from tests.training_settings import baseline

SKY = {"strategy": "sky", "cell": 1.0, "test": 0.25, "valid": 0.25, "seed": 3}
FILES = ["history.csv", "predictions.h5", "timing.json", "run.json"]


def write_positions(path, ra, dec):
    """Write objects at given positions, each a group of its own; the label is what the constant baseline needs."""
    kinds = {"ra": "right_ascension", "dec": "declination"}
    schema = replace(SCHEMA, scalars={name: columns.Column("deg", "test", kind) for name, kind in kinds.items()})
    n = len(ra)
    with create_dataset(path, schema) as writer:
        writer.append(
            image=np.zeros((n, 2, 2, 2)),
            id=[f"o{row}" for row in range(n)],
            group=[f"g{row}" for row in range(n)],
            labels={"log10_mass": np.linspace(13, 15, n)},
            scalars={"ra": np.asarray(ra, float), "dec": np.asarray(dec, float)},
        )
    return load_dataset(path)


def test_cells_have_equal_areas():
    """Uniform on the sphere: every cell gets as many, within the noise of counting."""
    rng = np.random.default_rng(0)
    n, cell = 400_000, 20.0
    cells = sky_cells(rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n))), cell)
    _, counts = np.unique(cells, return_counts=True)
    assert len(counts) == 18 * 6  # 360 / 20; 2 / (20 degrees in radians) = 5.7
    expected = n / len(counts)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_the_seam_in_right_ascension_is_no_edge():
    """359.9999 and -0.0001 are one place; so are 360 and 0, and what rounding makes of them."""
    ra = np.array([359.9999, -1e-4, -1e-20, 0.0, 360.0, 1e-4, -360.0])
    cells = sky_cells(ra, np.zeros(7), 1.0)
    assert cells[0] == cells[1]
    assert set(cells[2:]) == {cells[3]}
    assert cells[0] != cells[3]
    assert {cell.rsplit("-", 1)[-1] for cell in cells} == {"359", "0"}


def test_the_poles_belong_to_the_last_rows():
    rows = [int(cell.split("-")[1]) for cell in sky_cells(np.full(4, 10.0), np.array([-90, -89.9, 89.9, 90]), 1)]
    assert rows == [0, 0, 114, 114]  # 2 / (1 degree in radians) = 114.6: 115 rows


@pytest.mark.parametrize("cell", [0.01, 0.3, 7.7, 60])
def test_cells_have_the_size_asked_for_at_the_equator(cell):
    """Neighbours within a cell are at most its diagonal apart, and the number of cells goes with 1 / area."""
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(100, 100 + 3 * cell, 3000), rng.uniform(-cell, cell, 3000)
    cells = sky_cells(ra, dec, cell)
    for name in np.unique(cells):
        assert np.ptp(ra[cells == name]) <= cell * 1.1
        assert np.ptp(dec[cells == name]) <= cell * 1.2


def test_whole_cells_are_held_out(tmp_path):
    rng = np.random.default_rng(2)
    data = write_positions(tmp_path / "d.h5", rng.uniform(355, 365, 400) % 360, rng.uniform(-2, 2, 400))
    split = splits.make(data, SKY)
    cells = splits.kept_together(data, SKY)
    assert splits.shared_groups(split, cells) == []
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(400))
    assert 20 < len(set(cells)) < 60
    splits.write(tmp_path / "s.h5", split)
    assert splits.load(tmp_path / "s.h5", data).strategy == SKY
    other = splits.make(data, SKY | {"seed": 4})
    assert set(cells[other.test]) != set(cells[split.test])
    assert splits.shared_groups(splits.make(data, {"strategy": "holdout", "test": 0.2, "valid": 0.2, "seed": 1}), cells)


def test_a_dataset_without_positions_is_refused(tmp_path):
    data = load_dataset(write_dataset(tmp_path / "d.h5"))
    with pytest.raises(splits.SplitError, match=r"d\.h5: no position among the scalars; .* found redshift\. Hint"):
        splits.make(data, SKY)


@pytest.mark.parametrize(("ra", "dec"), [(np.nan, 0.0), (10.0, 91.0), (-9999.0, 0.0), (10.0, np.nan)])
def test_an_object_without_a_position_is_named(tmp_path, ra, dec):
    places = np.array([[10.0, 0.0], [12.0, 0.0], [ra, dec], [14.0, 0.0]])
    data = write_positions(tmp_path / "d.h5", *places.T)
    with pytest.raises(splits.SplitError, match=r"d\.h5: object o2 has ra .*; 1 of 4 objects"):
        splits.make(data, SKY)


def test_too_few_cells_are_refused(tmp_path):
    data = write_positions(tmp_path / "d.h5", np.linspace(10, 10.9, 20), np.full(20, 0.5))
    with pytest.raises(splits.SplitError, match=r"in 1 cells of the sky of 1 degrees.*Hint: a smaller 'cell'"):
        splits.make(data, SKY)
    assert len(splits.make(data, SKY | {"cell": 0.1}).test)


def test_bootstraps_draw_whole_cells(tmp_path):
    """The groups that a run leaves are the cells of its split, not those of the dataset: each object is one there."""
    rng = np.random.default_rng(5)
    data = write_positions(tmp_path / "d.h5", rng.uniform(10, 14, 120), rng.uniform(0, 2, 120))
    split = splits.make(data, SKY)
    splits.write(tmp_path / "s.h5", split)
    what = baseline("constant").model_copy(update={"inputs": ()})
    baselines.fit_job(data.path, tmp_path / "s.h5", what, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES)
    cells = splits.kept_together(data, SKY)
    found = predictions.read(tmp_path / "seed-1" / "predictions.h5", "test", data)
    assert list(found.groups) == list(cells[split.test])
    drawn = trained.of_groups(Bootstrap(10, 0.9, 1), trained.read({1: tmp_path / "seed-1"}, data), "test")
    assert list(drawn.groups) == list(cells[split.test])
    assert 1 < len(set(drawn.groups)) < len(drawn.groups)


def test_the_config_takes_a_split_by_sky():
    found = DatasetBlock.model_validate({"survey": "sdss", "mock": {}, "split": {"strategy": "sky", "cell": 0.5}})
    assert found.split.model_dump() == {
        "strategy": "sky",
        "cell": 0.5,
        "test": 0.1,
        "valid": 0.1,
        "seed": 40,
        "repeats": 1,
    }
