"""Cutouts whose files could be read in two ways: an error shows both, or a warning says what was taken for granted."""

import h5py
import numpy as np
import pytest
from astropy.io import fits

from skybake.raw import decam, frames
from tests.unit.raw.cutouts_files import N, pixels, run, said, table, write_csv, write_fits, write_frame


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


def test_marks_that_the_config_lists_are_missing_values(folder):
    frame = table().assign(brightness=np.linspace(1, 2, N), error=0.5)
    frame.loc[[1, 4], "size"] = [-99, -999]
    frame.loc[[2, 5], "brightness"] = [np.float32(-99.99), 99]
    frame.loc[3, "error"] = -999
    options = {"label": "size", "label_error": "error", "scalars": ("brightness",)}
    dataset, rejected = run(folder, catalogue(folder, frame), **options)
    assert rejected.empty
    dataset, rejected = run(folder, catalogue(folder, frame), **options, missing_values=(-99, -99.99, -999))
    assert rejected["row"].tolist() == ["1", "4"]
    assert set(rejected["reason"]) == {"label missing"}
    kept = [row for row in range(N) if row not in (1, 4)]
    assert dataset.labels["size"].tolist() == frame["size"][kept].tolist()
    assert [kept[place] for place in np.flatnonzero(np.isnan(dataset.scalars["brightness"]))] == [2]
    assert [kept[place] for place in np.flatnonzero(np.isnan(dataset.scalars["size_error"]))] == [3]
    assert "marks a missing value" not in warnings(dataset)


def test_marks_among_classes_are_no_classes(folder):
    frame = table().assign(kind=[0, 1, -99] * (N // 3))
    _, rejected = run(
        folder,
        catalogue(folder, frame),
        label="kind",
        classes=("star", "galaxy"),
        missing_values=(-99,),
        most_rejected=1,
    )
    assert set(rejected["reason"]) == {"no class"}
    assert len(rejected) == N // 3


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


@pytest.mark.parametrize("mark", [-9999, -99, -32768])
def test_pixels_that_look_like_marks_of_missing_ones_are_light_or_missing(tmp_path, mark):
    images = pixels()
    images[3, 0, :2] = mark
    np.save(tmp_path / "cube.npy", images)
    raw = catalogue(tmp_path, table(), "cube.npy")
    words = said(tmp_path, raw, label="size")
    assert f"cube.npy: 2 pixels of object g3 are {mark}, and none of the others is below {mark / 2:g}" in words
    assert f"options: `missing_pixels: [{mark}]` or `missing_pixels: []`" in words
    dataset, _ = run(tmp_path, raw, label="size", missing_pixels=[mark])
    assert dataset.scalars["n_masked"].tolist() == [0, 0, 0, 2, *[0] * (N - 4)]
    assert dataset.images(np.array([3])).min() > -10
    dataset, _ = run(tmp_path, raw, label="size", missing_pixels=[])
    assert dataset.images(np.array([3])).min() == mark
    images[3, 1] = mark * 0.8  # others are near: light
    np.save(tmp_path / "cube.npy", images)
    assert run(tmp_path, raw, label="size")[0].images(np.array([3])).min() == mark


def test_marks_in_frames_and_stamps(tmp_path):
    write_frame(tmp_path / "frames" / "a.fits", 150.0, 2.0)
    with fits.open(tmp_path / "frames" / "a.fits", mode="update") as file:
        file[0].data[30:34, 32] = -9999
    frame = table()[:2].assign(ra=150.0, dec=2.0)
    raw = {"frames": tmp_path / "frames", "catalogue": write_csv(tmp_path / "c.csv", frame)}
    options = {"reader": frames, "size": 8, "label": "size"}
    assert "tile a: 4 pixels of object g0 are -9999" in said(tmp_path, raw, **options)
    dataset, _ = run(tmp_path, raw, missing_pixels=[-9999], **options)
    assert dataset.scalars["padded_fraction"].tolist() == [4 / 64] * 2
    stamps = pixels()
    stamps[2, 0, 0] = -99
    np.savez(tmp_path / "s.npz", stamps=stamps, label=np.arange(N) % 2)
    raw = {"stamps": tmp_path / "s.npz"}
    assert "s.npz: 1 pixels of object stamps-2 are -99" in said(tmp_path, raw, reader=decam)
    dataset, _ = run(tmp_path, raw, reader=decam, missing_pixels=[-99])
    assert dataset.scalars["n_masked"].sum() == 1


@pytest.mark.parametrize("option", ["label", "scalars"])
def test_the_cure_is_that_of_the_fault(tmp_path, option):
    np.save(tmp_path / "cube.npy", pixels())
    raw = {"images": tmp_path / "cube.npy", "catalogue": tmp_path / "c.csv"}
    options = {"label": "size"} if option == "label" else {"label": "ra", "task": "regression", "scalars": ("size",)}
    table().to_csv(tmp_path / "c.csv", sep=";", decimal=",", index=False)
    if option == "scalars":
        frame = table().astype({"size": str})
        frame["size"] = frame["size"].str.replace(".", ",")
        frame.to_csv(tmp_path / "c.csv", sep=";", index=False)
    words = said(tmp_path, raw, **options)
    assert "Hint: these are decimal commas; save the table with decimal points" in words
    assert "classification" not in words
    lines = table().to_csv(index=False).splitlines()
    (tmp_path / "c.csv").write_text("\n".join([lines[0], *(f"{line},more" for line in lines[1:])]))
    words = said(tmp_path, raw, **options)
    assert "7 fields in a row of 6" in words
    assert "Hint: rows have more or fewer fields than the first line has names" in words


@pytest.mark.parametrize("sign", [",", " ", "\t"])
def test_names_of_columns_in_a_comment(tmp_path, sign):
    np.save(tmp_path / "cube.npy", pixels())
    (tmp_path / "c.csv").write_text("# " + table().to_csv(index=False, sep=sign))
    raw = {"images": tmp_path / "cube.npy", "catalogue": tmp_path / "c.csv"}
    dataset, _ = run(tmp_path, raw, label="size")
    assert list(dataset.ids) == table()["id"].tolist()
    (tmp_path / "c.csv").write_text("#Table1\n" + table().to_csv(index=False))
    assert list(run(tmp_path, raw, label="size")[0].ids) == table()["id"].tolist()
