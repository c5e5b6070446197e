"""Several labels of an object: all of them are in the dataset, missing ones too."""

import numpy as np
import pytest
from pydantic import ValidationError

from skybake.raw.cutouts.options import Options
from tests.unit.raw.cutouts_files import N, pixels, run, said, table, write_csv


def files(folder):
    frame = table().assign(flux=np.linspace(1, 2, N))
    frame.loc[[2, 3], "size"] = np.nan
    frame.loc[[3, 4], "flux"] = np.nan
    np.save(folder / "cube.npy", pixels())
    return {"images": folder / "cube.npy", "catalogue": write_csv(folder / "catalogue.csv", frame)}


def test_an_object_needs_one_of_them(tmp_path):
    options = {"labels": ("size", "flux"), "transform": "log10", "units": {"flux": "mJy"}, "scalars": ("z",)}
    dataset, rejected = run(tmp_path, files(tmp_path), **options)
    assert (dataset.label, list(dataset.labels)) == ("log10_size", ["log10_size", "log10_flux"])
    assert list(dataset.ids) == [f"g{row}" for row in range(N) if row != 3]
    assert list(rejected["reason"]) == ["label missing"]
    size, flux = dataset.labels.values()
    assert np.flatnonzero(np.isnan(size)).tolist() == [2]
    assert dataset.ids[np.isnan(flux)].tolist() == ["g4"]
    np.testing.assert_allclose(flux[[0, -1]], [0, np.log10(2)], atol=1e-9)
    assert dataset.columns["label/log10_flux"].units == "log10(mJy)"


def test_a_label_is_no_scalar(tmp_path):
    text = said(tmp_path, files(tmp_path), labels=("size", "flux"), scalars=("flux",))
    assert "'flux' is both the label and a scalar" in text
    assert "no column 'mass'" in said(tmp_path, files(tmp_path), labels=("size", "mass"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": ["size"]}, "two or more distinct columns"),
        ({"labels": ["size", "size"]}, "two or more distinct columns"),
        ({"label": "flux", "labels": ["size", "flux"]}, "expected one of both"),
        ({"labels": ["size", "flux"], "classes": ["a", "b"]}, "classes found beside them"),
        ({"labels": ["size", "flux"], "label_error": "e"}, "label_error found beside them"),
    ],
)
def test_what_does_not_go_together(given, message):
    with pytest.raises(ValidationError, match=message):
        Options(**given)
