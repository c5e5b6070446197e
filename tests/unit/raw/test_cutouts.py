"""The reader of cutouts: every form of images and catalogue gives the same dataset; guesses are said."""

import struct
import zlib

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from skybake.data import splits
from tests.unit.raw.cutouts_files import N, pixels, run, said, table, write_csv, write_fits

ROWS = np.arange(N)


@pytest.fixture
def folder(tmp_path):
    write_fits(tmp_path / "fits", pixels())
    return tmp_path


@pytest.fixture
def raw(folder):
    return {"images": folder / "fits", "catalogue": write_csv(folder / "catalogue.csv", table())}


def written(folder, name, content):
    """Write a catalogue as its name says."""
    path = folder / name
    kinds = {".fits": "fits", ".ecsv": "ascii.ecsv", ".xml": "votable"}
    if path.suffix in kinds:
        Table.from_pandas(content).write(path, format=kinds[path.suffix])
    elif path.suffix == ".parquet":
        content.to_parquet(path)
    elif path.suffix == ".feather":
        content.to_feather(path)
    elif path.suffix in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            if path.suffix == ".hdf5":
                kinds = {name: "S10" if name in ("id", "kind") else float for name in content}
                columns = [content[name].to_numpy(dtype=kind) for name, kind in kinds.items()]
                file["catalogue"] = np.rec.fromarrays(columns, names=list(kinds))
            else:
                for column in content:
                    file[f"table/{column}"] = content[column].to_list()
    else:
        write_csv(path, content, sep={".csv": ",", ".tsv": "\t", ".txt": ";", ".bar": "|", ".dat": " "}[path.suffix])
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("c.csv", "c.tsv", "c.txt", "c.bar", "c.dat"),
        *("c.fits", "c.ecsv", "c.xml", "c.parquet", "c.feather", "c.h5", "c.hdf5"),
    ],
)
def test_every_form_of_catalogue_gives_the_same(folder, name):
    options = {"table": "table"} if name == "c.h5" else {}
    raw = {"images": folder / "fits", "catalogue": written(folder, name, table())}
    dataset, rejected = run(folder, raw, label="size", scalars=("z",), kinds={"z": "redshift"}, **options)
    assert rejected.empty
    assert list(dataset.ids) == table()["id"].tolist()
    assert np.allclose(dataset.labels["size"], table()["size"])
    assert np.array_equal(dataset.images(ROWS)[..., 0], pixels())
    assert {name: dataset.columns[f"scalar/{name}"].kind for name in ("ra", "dec", "z")} == {
        "ra": "right_ascension",
        "dec": "declination",
        "z": "redshift",
    }
    divided = {"c.tsv": r"'\t'", "c.txt": "';'", "c.bar": "'|'", "c.dat": "' '"}
    assert any("divided by" in text for text in dataset.warnings) == (name in divided)
    assert divided.get(name, "") in " ".join(dataset.warnings)


def test_a_delimiter_that_cannot_be_told_is_refused(folder):
    (folder / "c.csv").write_text("id,a;size\ng1,2;3\ng2,4;5\n")
    assert "which is the delimiter cannot be told" in said(
        folder, {"images": folder / "fits", "catalogue": folder / "c.csv"}
    )


def stored(folder, form):
    """Write the images in a form; return the raw path and the options."""
    images = pixels()
    if form == "npy":
        np.save(folder / "cube.npy", images)
        return folder / "cube.npy", {}
    if form == "npz":
        np.savez(folder / "cube.npz", pictures=images)
        return folder / "cube.npz", {}
    if form == "hdf5":
        with h5py.File(folder / "cube.h5", "w") as file:
            file["deep/images"], file["other"] = images, np.zeros((3, 3))
        return folder / "cube.h5", {}
    if form == "column":
        return folder / "fits", {"file": "where"}
    if form == "compressed":
        path = folder / "packed"
        path.mkdir()
        for row, image in enumerate(images):
            hdu = fits.CompImageHDU(image, compression_type="GZIP_2", quantize_level=0)
            fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path / f"g{row}.fits.fz")
        return path, {"pattern": "{id}.fits.fz"}
    if form == "second HDU":
        path = folder / "second"
        path.mkdir()
        for row, image in enumerate(images):
            others = [fits.ImageHDU(np.zeros((2, 2)), name="WEIGHT"), fits.ImageHDU(image, name="SCI")]
            fits.HDUList([fits.PrimaryHDU(), *others]).writeto(path / f"image_g{row}_x.fits")
        return path, {"hdu": "sci"}
    write_fits(folder / "npys", images)
    for row, image in enumerate(images):
        np.save(folder / "npys" / f"g{row}.npy", image)
    return folder / "npys", {"pattern": "{id}.npy"}


@pytest.mark.parametrize("form", ["npy", "npz", "hdf5", "column", "compressed", "second HDU", "npys"])
def test_every_form_of_images_gives_the_same(folder, form):
    path, options = stored(folder, form)
    frame = table().assign(where=[f"g{row}.fits" for row in ROWS], number=ROWS)
    raw = {"images": path, "catalogue": write_csv(folder / "c.csv", frame)}
    dataset, _ = run(folder, raw, label="size", transform="log10", units={"size": "arcsec"}, **options)
    assert np.array_equal(dataset.images(ROWS)[..., 0], pixels())
    assert dataset.label == "log10_size"
    assert np.allclose(dataset.labels["log10_size"], np.log10(table()["size"]))
    assert dataset.columns["label/log10_size"].units == "log10(arcsec)"
    assert dataset.columns["label/log10_size"].outlier == 0.3


def test_scaled_and_blank_pixels(tmp_path):
    whole = np.arange(N * 36, dtype=np.int16).reshape(N, 6, 6) % 100
    whole[3, 2, 1] = -32768
    write_fits(tmp_path / "fits", whole, BLANK=-32768)
    for path in (tmp_path / "fits").iterdir():
        with fits.open(path, mode="update", do_not_scale_image_data=True) as file:
            file[0].header["BSCALE"], file[0].header["BZERO"] = 0.5, 10.0
    raw = {"images": tmp_path / "fits", "catalogue": write_csv(tmp_path / "c.csv", table())}
    dataset, _ = run(tmp_path, raw, label="size")
    expected = 10 + 0.5 * whole[3].astype(float)
    expected[2, 1] = np.median(np.delete(expected.ravel(), 13))
    assert np.allclose(dataset.images(ROWS)[3, ..., 0], expected)
    assert dataset.scalars["n_masked"].tolist() == [float(row == 3) for row in ROWS]


def test_too_many_masked_pixels_are_no_image(folder, raw):
    image = pixels()[0]
    image[:4] = np.nan
    fits.writeto(folder / "fits" / "g2.fits", image, overwrite=True)
    dataset, rejected = run(folder, raw, label="size")
    assert rejected[["id", "reason"]].to_numpy().tolist() == [["g2", "masked pixels"]]
    assert len(dataset) == N - 1


def test_a_file_a_band(tmp_path):
    images = pixels(bands=2)
    for channel, band in enumerate("gr"):
        write_fits(tmp_path / "fits", images[..., channel], f"{{id}}_{band}.fits")
    raw = {"images": tmp_path / "fits", "catalogue": write_csv(tmp_path / "c.csv", table())}
    text = said(tmp_path, raw, label="size")
    assert 'Hint: if these are bands, options: {pattern: "{id}_{band}.fits", bands: [g, r]}' in text
    dataset, _ = run(tmp_path, raw, label="size", pattern="{id}_{band}.fits", bands=("r", "g"), threads=2)
    assert dataset.bands == ("r", "g")
    assert np.array_equal(dataset.images(ROWS), images[..., ::-1])


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_bands_stand_where_only_one_place_is_possible(tmp_path, layout):
    images = pixels(bands=3)
    np.save(tmp_path / "cube.npy", images if layout == "channels_last" else np.moveaxis(images, -1, 1))
    raw = {"images": tmp_path / "cube.npy", "catalogue": write_csv(tmp_path / "c.csv", table())}
    assert np.array_equal(run(tmp_path, raw, label="size")[0].images(ROWS), images)
    cube = pixels(side=3, bands=3)
    np.save(tmp_path / "cube.npy", cube)
    assert "`layout: channels_last` or `layout: channels_first`" in said(tmp_path, raw, label="size")
    found = run(tmp_path, raw, label="size", layout=layout)[0].images(ROWS)
    assert np.array_equal(found, cube if layout == "channels_last" else np.moveaxis(cube, 1, -1))


def test_pictures(tmp_path):
    values = np.random.default_rng(1).integers(0, 256, (N, 5, 7, 3), dtype=np.uint8)
    (tmp_path / "png").mkdir()
    for row in ROWS:
        Image.fromarray(values[row]).save(tmp_path / "png" / f"g{row}.png")
    raw = {"images": tmp_path / "png", "catalogue": write_csv(tmp_path / "c.csv", table())}
    dataset, _ = run(tmp_path, raw, label="size")
    assert dataset.bands == ("red", "green", "blue")
    assert np.array_equal(dataset.images(ROWS), values)
    for row in ROWS:
        Image.fromarray(values[row, ..., 0].astype(np.uint16) * 257).save(tmp_path / "png" / f"g{row}.png")
    assert np.array_equal(run(tmp_path, raw, label="size")[0].images(ROWS)[..., 0], values[..., 0] * 257.0)
    for row in ROWS:
        (tmp_path / "png" / f"g{row}.png").unlink()
        Image.fromarray(np.full((8, 8), 10 * row, np.uint8)).save(tmp_path / "png" / f"g{row}.jpg")
    assert np.abs(run(tmp_path, raw, label="size")[0].images(ROWS)[:, 4, 4, 0] - 10 * ROWS).max() <= 1


@pytest.mark.parametrize("kind", range(5))
def test_colour_of_16_bits_has_all_of_them(tmp_path, kind):
    """Each filter of a row, undone; written here as the standard defines it."""
    values = np.random.default_rng(2).integers(0, 2**16, (4, 5, 3), dtype=np.uint16)
    rows = values.astype(">u2").reshape(4, -1).view(np.uint8).astype(int)
    lines = b""
    for row in range(4):
        line = []
        for place in range(30):
            a = rows[row, place - 6] if place >= 6 else 0
            b = rows[row - 1, place] if row else 0
            c = rows[row - 1, place - 6] if row and place >= 6 else 0
            nearest = min((a, b, c), key=lambda near, p=a + b - c: abs(p - near))
            line.append((rows[row, place] - [0, a, b, (a + b) // 2, nearest][kind]) % 256)
        lines += bytes([kind, *line])
    parts = {b"IHDR": struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0), b"IDAT": zlib.compress(lines), b"IEND": b""}
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    )
    (tmp_path / "png").mkdir()
    for row in ROWS:
        (tmp_path / "png" / f"g{row}.png").write_bytes(png)
    raw = {"images": tmp_path / "png", "catalogue": write_csv(tmp_path / "c.csv", table())}
    assert np.array_equal(run(tmp_path, raw, label="size")[0].images(ROWS)[5], values)


def test_images_of_different_size_are_padded_or_cut(tmp_path):
    images = pixels()
    write_fits(tmp_path / "fits", images)
    fits.writeto(tmp_path / "fits" / "g1.fits", np.full((4, 8), 2.0, np.float32), overwrite=True)
    raw = {"images": tmp_path / "fits", "catalogue": write_csv(tmp_path / "c.csv", table())}
    text = said(tmp_path, raw, label="size")
    assert "g1.fits: an image of 4 x 8 pixels; expected 6 x 6" in text
    assert "options: {size: 6} pads or cuts all of them" in text
    dataset, _ = run(tmp_path, raw, label="size", size=6)
    assert (dataset.images(ROWS)[1] == 2).all()
    assert np.array_equal(dataset.images(ROWS)[2, ..., 0], images[2])
    assert dataset.scalars["padded_fraction"][:3] == pytest.approx([0, 1 / 3, 0])
    assert (dataset.notes["padded_images"], dataset.notes["cut_images"]) == (1, 1)
    assert "1 of 12 objects: larger than the option size, 6 pixels a side, and cut" in " ".join(dataset.warnings)
    assert np.array_equal(run(tmp_path, raw, label="size", size=4)[0].images(ROWS)[2, ..., 0], images[2, 1:5, 1:5])


# --- labels ----------------------------------------------------------------------------------------------------------


def test_classes_of_text_and_of_numbers(folder, raw):
    dataset, _ = run(folder, raw, label="kind", task="classification")
    assert (dataset.task, dataset.classes) == ("classification", ("elliptical", "spiral"))
    assert dataset.labels["kind"].tolist() == [1.0, 0.0] * (N // 2)
    assert any("classes: [elliptical, spiral]" in text for text in dataset.warnings)
    write_csv(raw["catalogue"], table().assign(kind=ROWS % 3))
    dataset, _ = run(folder, raw, label="kind", classes=("a", "b", "c"))
    assert (dataset.task, dataset.classes) == ("classification", ("a", "b", "c"))
    assert dataset.labels["kind"].tolist() == (ROWS % 3).tolist()
    assert not any("classes" in text for text in dataset.warnings)


def test_a_class_that_is_not_named_is_rejected(folder, raw):
    write_csv(raw["catalogue"], table().assign(kind=["a", "b", "c", "a"] * 3))
    dataset, rejected = run(folder, raw, label="kind", classes=("a", "c"))
    assert set(rejected["reason"]) == {"unknown class"}
    assert len(dataset) == 9


def test_whole_numbers_may_be_classes_or_a_quantity(folder, raw):
    write_csv(raw["catalogue"], table().assign(kind=ROWS % 3))
    assert "options: `task: classification` or `task: regression`" in said(folder, raw, label="kind")
    assert run(folder, raw, label="kind", task="regression")[0].task == "regression"


def test_errors_of_a_logarithm(folder, raw):
    write_csv(raw["catalogue"], table().assign(err=0.1))
    dataset, _ = run(folder, raw, label="size", label_error="err", transform="ln", units={"size": "kpc"})
    column = dataset.columns["label/ln_size"]
    assert (column.units, column.known_error) == ("ln(kpc)", "ln_size_error")
    assert np.allclose(dataset.scalars["ln_size_error"], 0.1 / table()["size"])


def test_the_outlier_of_an_unknown_quantity_is_its_spread(folder, raw):
    dataset, _ = run(folder, raw, label="size")
    assert dataset.columns["label/size"].outlier == 3.5  # of 1.5, 2.5, ..., 12.5: sqrt(143 / 12) = 3.45
    assert any("an error beyond 3.5" in text for text in dataset.warnings)
    dataset, _ = run(folder, raw, label="z", kinds={"z": "redshift"})
    assert (dataset.columns["label/z"].outlier, "1 + " in dataset.columns["label/z"].error) == (0.05, True)


def test_groups_and_names(folder, raw):
    write_csv(raw["catalogue"], table().assign(field=["a", "a", ""] * 4))
    dataset, _ = run(folder, raw, label="size", group="field", label_name="radius")
    assert dataset.groups.tolist()[:4] == ["a", "a", "g2", "a"]
    assert dataset.label == "radius"


# --- a published split -----------------------------------------------------------------------------------------------


def split_of(folder, raw, words, strategy=None, **options):
    write_csv(raw["catalogue"], table().assign(part=words))
    dataset, _ = run(folder, raw, label="size", split_column="part", **options)
    return dataset, splits.make(dataset, {"strategy": "column", **(strategy or {})})


def test_a_published_split(folder, raw):
    _, split = split_of(folder, raw, ["train", "Val", "testing"] * 4)
    assert [part.tolist() for part in (split.train, split.valid, split.test)] == [[*range(k, N, 3)] for k in range(3)]


def test_a_validation_part_is_cut_off_the_training_part(folder, raw):
    words = ["train", "train", "test"] * 4
    _, split = split_of(folder, raw, words, {"valid": 0.25, "seed": 1})
    assert split.test.tolist() == [2, 5, 8, 11]
    assert sorted([*split.train, *split.valid]) == [row for row in range(N) if row % 3 != 2]
    assert len(split.valid) == 2
    _, other = split_of(folder, raw, words, {"valid": 0.25, "seed": 2})
    assert sorted(other.valid) != sorted(split.valid)


def test_other_words_for_parts_are_said(folder, raw):
    words = ["1", "2", "3"] * 4
    write_csv(raw["catalogue"], table().assign(part=words))
    assert "expected train, valid or test. Hint: say what each is" in said(
        folder, raw, label="size", split_column="part"
    )
    _, split = split_of(folder, raw, words, parts={"1": "train", "2": "test", "3": "valid"})
    assert split.test.tolist() == [1, 4, 7, 10]


def test_without_a_split_column_the_cure_is_named(folder, raw):
    dataset, _ = run(folder, raw, label="size")
    with pytest.raises(splits.SplitError, match=r"options: \{split_column: split\}"):
        splits.make(dataset, {"strategy": "column"})


# --- what cannot be read ---------------------------------------------------------------------------------------------


def test_no_label_is_named(folder, raw):
    text = said(folder, raw)
    assert "no column 'label'" in text
    assert "`label: kind` or `label: size`" in text


def test_ids_that_several_columns_may_be(folder, raw):
    write_csv(raw["catalogue"], table().assign(name=[f"g{row}" for row in ROWS[::-1]]))
    assert "`id: id` or `id: name`" in said(folder, raw, label="size")


def test_a_missing_file_and_an_unreadable_one_cost_their_object(folder, raw):
    (folder / "fits" / "g1.fits").unlink()
    (folder / "fits" / "g2.fits").write_bytes((folder / "fits" / "g2.fits").read_bytes()[:2000])
    (folder / "fits" / "g3.fits").write_bytes(b"<html>not found</html>")
    dataset, rejected = run(folder, raw, label="size")
    assert len(dataset) == N - 3
    assert dict(zip(rejected["id"], rejected["reason"], strict=True)) == {
        "g1": "no image",
        "g2": "unreadable image",
        "g3": "unreadable image",
    }
    assert rejected["detail"].tolist()[0] == "no file g1.fits"


def test_a_wrong_hdu_is_named_with_those_that_are_there(folder, raw):
    text = said(folder, raw, label="size", hdu="SCI")
    assert "no object was accepted" in text
    assert "g0.fits: option hdu: 'SCI'; expected one of 0 PRIMARY (6, 6)" in text


def test_several_images_in_a_file(folder, raw):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels()[0], name="A"), fits.ImageHDU(pixels()[0], name="B")]
    fits.HDUList(hdus).writeto(folder / "fits" / "g0.fits", overwrite=True)
    assert 'options: `hdu: "1"` or `hdu: "2"`' in said(folder, raw, label="size")


def test_an_id_twice(folder, raw):
    frame = table()
    frame.loc[1, "id"], frame.loc[[0, 1], "size"] = "g0", 2.0
    write_csv(raw["catalogue"], frame)
    _, rejected = run(folder, raw, label="size", id="id")
    assert rejected[["row", "reason"]].to_numpy().tolist() == [["1", "id repeats"]]
    frame.loc[1, "size"] = 3.0
    write_csv(raw["catalogue"], frame)
    _, rejected = run(folder, raw, label="size", id="id")
    assert rejected[["row", "reason"]].to_numpy().tolist() == [["0", "labels disagree"], ["1", "labels disagree"]]


def test_labels_that_are_all_equal(folder, raw):
    write_csv(raw["catalogue"], table().assign(size=2.5))
    assert "size is 2.5 for all of 12 objects" in said(folder, raw, label="size")


def test_text_where_a_number_was_meant(folder, raw):
    text = said(folder, raw, label="kind")
    assert "column kind holds text ('spiral', 'elliptical') in 12 of 12 rows" in text
    assert "options: {task: classification, classes: [elliptical, spiral]}" in text
    assert "column kind is 'spiral' in row 0" in said(folder, raw, label="size", scalars=("kind",))
    write_csv(
        raw["catalogue"], table().astype({"size": object}).assign(size=lambda t: t["size"].where(ROWS != 4, "big"))
    )
    _, rejected = run(folder, raw, label="size")
    assert rejected[["reason", "detail"]].to_numpy().tolist() == [["label no number", "'big'"]]


def test_a_class_with_too_few_objects(folder, raw):
    write_csv(raw["catalogue"], table().assign(kind=["a"] * 10 + ["b"] * 2))
    text = said(folder, raw, label="kind", task="classification")
    assert "class b has 2 objects; expected at least 3" in text


def test_columns_named_twice(folder, raw):
    frame = pd.concat([table(), table()[["size"]] + 1], axis=1)
    write_csv(raw["catalogue"], frame)
    assert "columns 5 and 7, counted from 1, are both 'size'" in said(folder, raw, label="size")


def test_a_missing_column_is_named_with_the_line_to_change(folder, raw):
    text = said(folder, raw, label="sizes")
    assert "no column 'sizes'; found id, ra, dec, kind, size, z" in text
    assert "options: {label: size}" in text


def test_as_many_rows_as_images(tmp_path):
    np.save(tmp_path / "cube.npy", pixels(5))
    raw = {"images": tmp_path / "cube.npy", "catalogue": write_csv(tmp_path / "c.csv", table())}
    assert "12 rows for 5 images" in said(tmp_path, raw, label="size")


def test_what_is_no_redshift_no_magnitude_and_no_whole_name(folder):
    content = table().assign(mag=20.0 + ROWS / 10)
    content.loc[1, "z"], content.loc[2, "mag"] = 29979.0, 99.0
    raw = {"images": folder / "fits", "catalogue": write_csv(folder / "c.csv", content)}
    given = {"scalars": ("mag",), "kinds": {"mag": "magnitude", "z": "redshift"}}
    dataset, rejected = run(folder, raw, label="z", **given)
    assert rejected[["row", "reason"]].to_numpy().tolist() == [["1", "redshift impossible"]]
    assert np.isnan(dataset.scalars["mag"]).tolist() == [row == 2 for row in range(N) if row != 1]
    assert any("1 values of mag are no magnitudes, as 99" in text for text in dataset.warnings)
    _, rejected = run(folder, raw, label="mag", kinds={"mag": "magnitude"})
    assert rejected[["row", "reason"]].to_numpy().tolist() == [["2", "label missing"]]
    write_csv(folder / "c.csv", content.assign(field=1.2376625257e18 + 300.0 * ROWS))
    assert "a float whose last digits are lost" in said(folder, raw, label="size", group="field")
