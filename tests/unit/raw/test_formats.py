"""Rules of formats: what a file is, whatever it is called; what each knows of missing values; names as they are."""

import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from skybake import hdf5
from skybake.data.columns import Column, DatasetError, Schema
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.missing import is_mark
from skybake.raw import RawError, decam, formats, plain, tables
from skybake.raw.efeds.images import read_images
from tests.unit.raw.test_cases import labelled, objects_of, objids, read, sdss_catalogue


def column(path, name="a", **options):
    """Return a column of a table file as a list, None and NaN alike None."""
    _, pieces = tables.source(path, **options)
    frame = pd.concat(list(pieces([name])))
    return [None if pd.isna(value) else value for value in frame[name].tolist()]


# --- what a file is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"  \n<!DOCTYPE html>\n<html>", "a web page"),
        (b"\xef\xbb\xbf<HTML><body>", "a web page"),
        (b'<?xml version="1.0"?>\n<VOTABLE version="1.3">', "a VOTable"),
        (b'{"error": "not found"}', "JSON text"),
        (b"PK\x03\x04", "a zip or .npz file"),
        (b"\x80\x04\x95", "a pickle"),
        (bytes(2000), "a file of zeros"),
        (b"\x28\xb5\x2f\xfd", "a zstandard file"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(tmp_path, start, said):
    for name in ("catalogue.csv", "catalogue.fits", "catalogue.parquet"):
        (tmp_path / name).write_bytes(start + b" " * 100)
        with pytest.raises(RawError, match=f"{name}: expected a table, found {said}"):
            tables.source(tmp_path / name)


def test_an_empty_file_is_called_so(tmp_path):
    (tmp_path / "catalogue.csv").touch()
    with pytest.raises(RawError, match=r"catalogue\.csv: the file is empty"):
        tables.source(tmp_path / "catalogue.csv")


def test_a_pickle_that_is_something_else_is_called_what_it_is(tmp_path):
    (tmp_path / "images.pkl").write_bytes(b"<html>Not found</html>")
    with pytest.raises(RawError, match="expected a pickle, found a web page"):
        plain.load(tmp_path / "images.pkl")


@pytest.mark.parametrize("name", ["t.feather", "t.parquet", "t.fits", "t.ecsv", "t.dat"])
@pytest.mark.parametrize("kind", [formats.FEATHER, formats.PARQUET, formats.FITS, formats.ECSV])
def test_a_table_is_read_by_what_it_is_not_by_its_name(tmp_path, name, kind):
    table, path = pd.DataFrame({"a": [3, 1, 2], "b": ["x", "y", "z"]}), tmp_path / name
    write = {
        formats.FEATHER: lambda: table.to_feather(path),
        formats.PARQUET: lambda: table.to_parquet(path),
        formats.FITS: lambda: Table.from_pandas(table).write(path, format="fits"),
        formats.ECSV: lambda: Table.from_pandas(table).write(path, format="ascii.ecsv"),
    }
    write[kind]()
    assert tables.source(path)[0] == ["a", "b"]
    assert column(path) == [3, 1, 2]


# --- missing values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            " ",
            "-",
            "--",
            "---",
            "\N{EM DASH}",
            r"\N",
            "<NA>",
            "null",
            "NULL",
            "(null)",
            "None",
            "NA",
            "N/A",
            "n.a.",
        ],
        *["nan", "NaN", "-nan", "NaT", "#N/A", "#DIV/0!", "...", ".", "masked", "INDEF", "?", "***", "-1.#IND"],
    ],
)
def test_marks_of_missing_values(text):
    assert is_mark(text)


@pytest.mark.parametrize("text", ["0", "-1", "-9", "1e5", "inf", "nano", "a-b", "N", "no", "*a", "noise", "5-", "A.1"])
def test_what_is_no_mark_of_a_missing_value(text):
    assert not is_mark(text)


@pytest.mark.parametrize("kind", ["i8", "u8", "u4", "u2", "u1", "i2", "f4"])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_masked_numbers_of_fits_are_missing(tmp_path, kind, shape):
    mask = np.array([0, 1, 0, 0, 1, 0], dtype=bool)
    values = np.arange(10, 16).astype(kind).reshape(shape)
    Table({"a": MaskedColumn(values, mask=mask.reshape(shape)), "b": values}).write(tmp_path / "t.fits")
    assert column(tmp_path / "t.fits") == [10, None, 12, 13, None, 15]
    assert column(tmp_path / "t.fits", "b") == [10, 11, 12, 13, 14, 15]


def test_tnull_of_unsigned_integers_is_as_they_are_stored(tmp_path):
    given = fits.Column("a", "K", array=np.array([1, 2, 3], "u8"), bzero=2**63, null=-(2**63) + 3)
    fits.BinTableHDU.from_columns([given]).writeto(tmp_path / "t.fits")
    assert column(tmp_path / "t.fits") == [1, 2, None]


def test_a_logical_that_is_neither_is_missing(tmp_path):
    hdu = fits.BinTableHDU.from_columns([fits.Column("a", "L", array=np.array([True, False, True]))])
    hdu.writeto(tmp_path / "t.fits")
    data = (tmp_path / "t.fits").read_bytes()
    (tmp_path / "t.fits").write_bytes(data.replace(b"TFT\0", b"TF\0\0"))
    assert column(tmp_path / "t.fits") == [True, False, None]


def test_numbers_that_an_ascii_table_lacks_are_missing_not_zero(tmp_path):
    columns = [fits.Column("a", "F8.3", array=np.array([1.5, 2.5, 3.5]), null="---")]
    fits.TableHDU.from_columns([*columns, fits.Column("b", "I4", array=np.array([1, 2, 3]))]).writeto(
        tmp_path / "t.fits"
    )
    data = (tmp_path / "t.fits").read_bytes()
    data = data.replace(b"   2.500", b"     ---").replace(b"   3.500", b"        ")
    (tmp_path / "t.fits").write_bytes(data)
    assert column(tmp_path / "t.fits") == [1.5, None, None]
    assert column(tmp_path / "t.fits", "b") == [1, 2, 3]


def test_masked_values_of_ecsv_are_missing(tmp_path):
    given = MaskedColumn([2**60 + 1, 2, 3], mask=[False, True, False])
    Table({"a": given, "b": [1.0, 2.0, 3.0]}).write(tmp_path / "t.ecsv")
    assert column(tmp_path / "t.ecsv") == [2**60 + 1, None, 3]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([2**60 + 1, None, 3]), [2**60 + 1, None, 3]),
        (pa.array([[1.5], None, [2.5]]), [1.5, None, 2.5]),
        (pa.array([[1], [2], [3]], pa.list_(pa.int64(), 1)), [1, 2, 3]),
        (pa.array(["x", None, "y"]).dictionary_encode(), ["x", None, "y"]),
        (pa.array([True, None, False]), [True, None, False]),
        (pa.array([3, None, 1], pa.uint8()), [3, None, 1]),
    ],
)
def test_columns_of_parquet_and_feather(tmp_path, values, expected):
    table = pa.table({"a": values})
    pq.write_table(table, tmp_path / "t.parquet")
    pa.feather.write_feather(table, tmp_path / "t.feather")
    assert column(tmp_path / "t.parquet") == column(tmp_path / "t.feather") == expected


def test_lists_of_several_numbers_are_refused(tmp_path):
    pq.write_table(pa.table({"a": [[1, 2], [3, 4]]}), tmp_path / "t.parquet")
    with pytest.raises(RawError, match=r"column a holds lists of .* expected one value a row"):
        column(tmp_path / "t.parquet")


def test_an_index_of_two_columns_is_two_columns(tmp_path):
    pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]}).set_index(["a", "b"]).to_parquet(tmp_path / "t.parquet")
    assert column(tmp_path / "t.parquet", "a") == [1, 2]
    assert column(tmp_path / "t.parquet", "b") == [3, 4]


def test_ids_of_sdss_in_every_format(tmp_path):
    expected = [str(name) for name in objids()]
    table = sdss_catalogue()
    table.assign(objID=[f" {name} " for name in objids()]).to_csv(tmp_path / "blanks.csv", index=False)
    Table.from_pandas(table.astype({"objID": "uint64"})).write(tmp_path / "unsigned.fits")
    Table.from_pandas(table.astype({"objID": str})).write(tmp_path / "text.fits")
    Table.from_pandas(table).write(tmp_path / "t.ecsv")
    table.to_feather(tmp_path / "t.feather")
    for name in ("blanks.csv", "unsigned.fits", "text.fits", "t.ecsv", "t.feather"):
        objects, reasons = objects_of(tmp_path / name)
        assert (objects.ids, reasons) == (expected, {}), name


def test_ids_that_were_floats_are_seen(tmp_path):
    sdss_catalogue().astype({"objID": float}).to_feather(tmp_path / "t.feather")
    assert set(objects_of(tmp_path / "t.feather")[1].values()) == {"rounded id"}
    sdss_catalogue().assign(objID=np.arange(6.0) + 1).to_feather(tmp_path / "small.feather")
    assert objects_of(tmp_path / "small.feather")[0].ids == ["1", "2", "3", "4", "5", "6"]


# --- several tables, names that stand twice --------------------------------------------------------------------------


@pytest.fixture
def two_tables(tmp_path):
    first, second = (fits.BinTableHDU(Table({"a": [k, k + 1]}), name=f"CHIP{k}") for k in (1, 2))
    fits.HDUList([fits.PrimaryHDU(), first, second]).writeto(tmp_path / "t.fits")
    return tmp_path / "t.fits"


def test_several_tables_need_a_word(two_tables):
    with pytest.raises(RawError, match=r"2 tables: 1, CHIP1, .*2, CHIP2, .*`table: CHIP1` or `table: CHIP2`"):
        tables.source(two_tables)
    assert column(two_tables, table="CHIP2") == column(two_tables, table="2") == [2, 3]
    with pytest.raises(RawError, match="option table: 'CHIP3' found; expected one of 1, CHIP1"):
        tables.source(two_tables, table="CHIP3")


def test_a_name_that_stands_twice_is_refused_in_every_format(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,a \n1,2,3\n")
    pq.write_table(pa.table([[1], [2], [3]], ["a", "b", " a"]), tmp_path / "t.parquet")
    pa.feather.write_feather(pa.table([[1], [2], [3]], ["a", "b", " a"]), tmp_path / "t.feather")
    for name in ("t.csv", "t.parquet", "t.feather"):
        with pytest.raises(RawError, match=f"{name}: columns 1 and 3, counted from 1, are both 'a'"):
            column(tmp_path / name)
        assert column(tmp_path / name, "b") in ([2], ["2"])


def test_a_name_that_stands_twice_in_fits_is_refused(tmp_path):
    Table({"a": [1], "k": [2]}).write(tmp_path / "t.fits")
    data = (tmp_path / "t.fits").read_bytes()
    (tmp_path / "t.fits").write_bytes(data.replace(b"'k       '", b"'a       '").replace(b"'k'", b"'a'"))
    with pytest.raises(RawError, match="columns 1 and 2, counted from 1, are both 'a'"):
        tables.source(tmp_path / "t.fits")


# --- names as a user gives them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["S/N", "mag/err", "/a", "a/", "50%", "%2F", ".", "..", "a.b", "größe", "a b", "x" * 200]
)
def test_any_name_of_a_scalar_is_kept(tmp_path, name):
    schema = Schema(
        ["r"],
        Column("", "pixels"),
        {"a/b": Column("", "a label", outlier=1.0)},
        {name: Column("", "x"), "mag": Column("", "y")},
    )
    with create_dataset(tmp_path / "d.h5", schema) as writer:
        for row in range(2):
            writer.append(
                image=np.ones((1, 2, 2, 1)),
                id=[str(row)],
                group=[str(row)],
                labels={"a/b": [row]},
                scalars={name: [row + 5], "mag": [row + 7]},
            )
    data = load_dataset(tmp_path / "d.h5")
    assert set(data.scalars) == {name, "mag"}
    assert data.scalars[name].tolist() == [5, 6]
    assert data.labels["a/b"].tolist() == [0, 1]
    assert data.columns[f"scalar/{name}"].description == "x"
    assert hdf5.name_of(hdf5.key_of(name)) == name


def test_columns_with_slashes_in_every_format(tmp_path):
    labelled(tmp_path, [0, 1] * 6, **{"S/N": 5.0})
    table = pd.read_csv(tmp_path / "catalogue.csv")
    table.to_parquet(tmp_path / "t.parquet")
    Table.from_pandas(table).write(tmp_path / "t.fits")
    for name in ("catalogue.csv", "t.parquet", "t.fits"):
        data, _ = read(decam, tmp_path, {"scalars": ("S/N",)}, stamps="stamps.npy", catalogue=name)
        assert data.scalars["S/N"].tolist() == [5.0] * 12


# --- what the made-up inputs of tests/fuzz found ---------------------------------------------------------------------


def test_a_header_of_npy_that_is_broken_is_named(tmp_path):
    np.save(tmp_path / "stamps.npy", np.zeros((3, 9, 9)))
    data = (tmp_path / "stamps.npy").read_bytes()
    for other in (b"(3, 9, \x89 ", b"(3, (9, 9", b"(((((((((", b"'''      "):
        (tmp_path / "stamps.npy").write_bytes(data.replace(b"(3, 9, 9)", other.ljust(9)))
        with pytest.raises(RawError, match=r"stamps\.npy: not a readable \.npy"):
            read(decam, tmp_path, stamps="stamps.npy")


def test_ids_of_cubes_that_are_lists_are_refused(tmp_path):
    content = {"cluster": [[1, [2, 3]], 5], "gsm_3dImgs": np.ones((2, 4, 4, 3))}
    (tmp_path / "images.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(RawError, match="'cluster' should be a list of ids"):
        read_images(tmp_path / "images.pkl")


def test_a_column_of_fits_whose_name_is_a_number_is_named(tmp_path):
    Table({"a": [1], "k": [2]}).write(tmp_path / "t.fits")
    data = (tmp_path / "t.fits").read_bytes()
    (tmp_path / "t.fits").write_bytes(data.replace(b"TTYPE2  = 'k       '", b"TTYPE2  = 23        "))
    with pytest.raises(RawError, match=r"t\.fits: not a whole FITS file"):
        tables.source(tmp_path / "t.fits")


@pytest.mark.parametrize(
    ("name", "value"), [("complete", np.array([1, 1])), ("version", "x"), ("labels", 3), ("raw", "{")]
)
def test_attributes_of_a_dataset_that_are_broken_are_named(tmp_path, name, value):
    files = labelled(tmp_path, [0, 1] * 6)
    read(decam, tmp_path, **files)
    with hdf5.write(tmp_path / "d.h5", "r+") as file:
        file.attrs[name] = value
    with pytest.raises(DatasetError, match=r"d\.h5: "):
        load_dataset(tmp_path / "d.h5")


@pytest.mark.parametrize("protocol", range(6))
def test_a_text_of_one_letter_beside_an_array_stays_a_text(tmp_path, protocol):
    letter = chr(98)  # the same object as the "b" that an array's state holds as a text in disguise
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([np.arange(3), {letter: b"b"}, letter], protocol))
    _, *found = plain.load(tmp_path / "x.pkl")
    assert found == [{"b": b"b"}, "b"]
