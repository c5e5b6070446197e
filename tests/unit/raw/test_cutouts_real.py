"""The reader of cutouts on real radio galaxies of FIRST: the same objects in all forms."""

import numpy as np
import pytest
import yaml

from skybake.data import splits
from tests.conftest import ROOT
from tests.unit.raw.cutouts_files import run
from tests.unit.raw.test_sdss_real import data


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """The datasets of the shipped config, by name."""
    folder = data("first_radio")
    blocks = yaml.safe_load((ROOT / "configs/first_radio.yaml").read_text())["datasets"]
    found = {}
    for name, block in blocks.items():
        raw = {key: folder / path.partition("first_radio/")[2] for key, path in block["raw"].items()}
        found[name] = run(tmp_path_factory.mktemp(name), raw, **block["options"])
    return found


def test_all_forms_hold_the_same_objects(datasets):
    (cube, _), (one, _), (folder, rejected) = (datasets[name] for name in ("morphology", "one_file", "sizes"))
    rows = np.arange(len(cube))
    assert len(cube) == len(one) == 620
    assert np.array_equal(cube.images(rows), one.images(rows))
    assert np.array_equal(cube.labels["type"], one.labels["labels"])
    assert np.bincount(cube.labels["type"].astype(int)).tolist() == [201, 283, 60, 76]
    assert (len(folder), set(rejected["reason"])) == (375, {"label missing"})
    places = [cube.ids.tolist().index(name) for name in folder.ids]
    assert np.array_equal(folder.images(np.arange(375)), cube.images(np.array(places)))


def test_the_published_split_is_kept(datasets):
    cube, _ = datasets["morphology"]
    split = splits.make(cube, {"strategy": "column"})
    assert [len(part) for part in (split.train, split.valid, split.test)] == [510, 53, 57]


def test_the_quantity_has_name_and_units(datasets):
    folder, _ = datasets["sizes"]
    column = folder.columns[f"label/{folder.label}"]
    assert (folder.label, column.units, column.outlier) == ("log10_las_arcsec", "log10(arcsec)", 0.3)
    assert folder.labels[folder.label][0] == pytest.approx(np.log10(93.36))
