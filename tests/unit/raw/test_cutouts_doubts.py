"""Cutouts whose files could be read in two ways: an error shows both, or a warning says what was taken for granted."""

import h5py
import numpy as np
import pytest
from astropy.io import fits

from tests.unit.raw.cutouts_files import N, pixels, run, said, table, write_csv, write_fits


@pytest.fixture
def folder(tmp_path):
    write_fits(tmp_path / "fits", pixels())
    return tmp_path


def catalogue(folder, frame, images="fits"):
    return {"images": folder / images, "catalogue": write_csv(folder / "catalogue.csv", frame)}


def warnings(dataset):
    return " ".join(dataset.warnings)


@pytest.mark.parametrize("name", ["cube.h5", "cube.npz"])
def test_names_beside_the_images_tell_another_order(tmp_path, name):
    names = table()["id"].to_numpy(dtype="S8")
    if name == "cube.h5":
        with h5py.File(tmp_path / name, "w") as file:
            file["images"], file["id"] = pixels(), names
    else:
        np.savez(tmp_path / name, images=pixels(), ids=names)
    dataset, _ = run(tmp_path, catalogue(tmp_path, table(), name), label="size")
    assert "order" not in warnings(dataset)
    words = said(tmp_path, catalogue(tmp_path, table()[::-1], name), label="size")
    assert "names image 0 'g0', and row 0 of catalogue.csv is 'g11'" in words
    assert "Hint: sort the catalogue as the images" in words


def test_the_order_of_an_array_without_names_is_taken_for_granted_and_said(tmp_path):
    np.save(tmp_path / "cube.npy", pixels())
    dataset, _ = run(tmp_path, catalogue(tmp_path, table(), "cube.npy"), label="size")
    assert "cube.npy: images are taken to be in the order of the rows of catalogue.csv" in warnings(dataset)


@pytest.mark.parametrize("value", [-9.99, 99.0])
def test_what_is_no_redshift_is_a_missing_scalar(folder, value):
    frame = table()
    frame.loc[3, "z"] = value
    dataset, rejected = run(folder, catalogue(folder, frame), label="size", scalars=("z",), kinds={"z": "redshift"})
    assert rejected.empty
    assert np.flatnonzero(np.isnan(dataset.scalars["z"])).tolist() == [3]
    assert f"1 values of z are no redshifts, as {value:g}; they are missing" in warnings(dataset)


@pytest.mark.parametrize("column", ["z", "size"])
def test_nines_that_stand_twice_are_doubted(folder, column):
    frame = table()
    dataset, _ = run(folder, catalogue(folder, frame), label="size", scalars=("z",))
    assert "marks a missing value" not in warnings(dataset)
    frame.loc[[2, 5], column] = -99.0
    dataset, _ = run(folder, catalogue(folder, frame), label="size", scalars=("z",))
    assert f"2 values of {column} are -99: if that marks a missing value, leave them empty" in warnings(dataset)


@pytest.mark.parametrize("option", ["kinds", "units"])
def test_what_is_said_of_a_column_that_is_not_used_is_refused(folder, option):
    words = said(folder, catalogue(folder, table()), label="size", scalars=("z",), **{option: {"Z": "redshift"}})
    assert f"option {option}: 'Z' is neither the label nor a scalar; those are size, z. Did you mean 'z'?" in words


def test_a_fits_cube_whose_bands_stand_last(tmp_path):
    (tmp_path / "fits").mkdir()
    images = pixels(bands=3)
    for row, image in enumerate(images):
        fits.PrimaryHDU(image).writeto(tmp_path / "fits" / f"g{row}.fits")
    raw = catalogue(tmp_path, table())
    words = said(tmp_path, raw, label="size")
    assert "(6, 6, 3) stand first, as in FITS, or last" in words
    assert "`layout: channels_last` or `layout: channels_first`" in words
    dataset, _ = run(tmp_path, raw, label="size", layout="channels_last")
    assert np.array_equal(dataset.images(np.arange(N)), images)


def test_a_column_of_files_that_contradicts_the_names(folder):
    frame = table().assign(picture=[f"g{row}.fits" for row in range(N)])
    assert len(run(folder, catalogue(folder, frame), label="size", id="id")[0]) == N
    frame["picture"] = frame["picture"].to_numpy()[::-1]
    words = said(folder, catalogue(folder, frame), label="size", id="id")
    assert "column picture names the file g11.fits for object g0, whose name says g0.fits" in words
    read = [
        run(folder, catalogue(folder, frame), label="size", id="id", **which)[0].images(np.arange(N))
        for which in ({"file": "picture"}, {"pattern": "{id}.fits"})
    ]
    assert np.array_equal(read[0], read[1][::-1])


def test_numbers_that_lack_the_zeros_of_their_files(tmp_path):
    write_fits(tmp_path / "fits", pixels(), ids=[f"{row:02d}" for row in range(N)])
    words = said(tmp_path, catalogue(tmp_path, table().assign(id=range(N))), label="size", id="id")
    assert "lack the zeros of the files' names" in words
    kept, _ = run(tmp_path, catalogue(tmp_path, table().assign(id=[f"{row:02d}" for row in range(N)])), label="size")
    assert kept.ids.tolist() == [f"{row:02d}" for row in range(N)]
