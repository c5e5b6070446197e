"""Columns of the catalogue, and its three forms."""

import csv

import numpy as np
import pyarrow.parquet
from astropy.io import fits
from astropy.table import Table

from skybake.applying import catalogue, flags, parts
from skybake.applying.parts import Applied
from skybake.data.columns import Column, class_column
from skybake.evaluation.conformal import ADAPTIVE, Calibration
from skybake.results.predictions import Prediction

N = 3
PROBABILITIES = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [np.nan, np.nan, np.nan]])
SCALARS = {"RA": Column("deg", "east", "right_ascension"), "DEC": Column("deg", "north", "declination")}


def classified():
    return Applied(
        ids=np.array(["NGC 1", "Abell δ", "x, y"], dtype=object),
        groups=np.array(["a", "b", "c"], dtype=object),
        row=np.arange(N),
        label=np.full(N, np.nan),
        scalars={"RA": np.array([10.0, 20.123456789, 30.0]), "DEC": np.array([-1.0, np.nan, 1.0])},
        prediction=Prediction(point=np.array([1.0, 0.0, 0.0]), classes=PROBABILITIES),
        spread=np.full(N, np.nan),
        distance=np.arange(N) / 2,
        familiarity=np.array([50.0, 99.5, 10.0]),
        flags={name: np.arange(N) == place for place, name in enumerate(flags.MEANINGS)},
        name="type",
        column=class_column(("FRI", "FRII", "Bent")),
        columns=SCALARS,
    )


def written(applied, folder, regions=None):
    parts.write(folder / "0.h5", applied)
    files = {kind: folder / f"catalogue.{kind}" for kind in ("fits", "parquet", "csv")}
    catalogue.write([folder / "0.h5"], regions, **files)
    return files


def test_classes_have_names_probabilities_and_conformal_sets(tmp_path):
    regions = Calibration(ADAPTIVE, (0.68, 0.95), (0.7, 0.9), 100, 100)
    files = written(classified(), tmp_path, regions)
    with files["csv"].open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["class"] for row in rows] == ["FRII", "FRI", ""]
    assert [row["id"] for row in rows] == ["NGC 1", "Abell δ", "x, y"]
    assert [row["probability_Bent"] for row in rows] == ["0.2", "0.1", ""]
    assert [row["in_set_95_Bent"] for row in rows[:2]] == ["true", "false"]
    assert [row["in_set_68_FRI"] for row in rows[:2]] == ["false", "true"]
    assert [row["spread"] for row in rows] == ["", "", ""]
    assert [float(row["ra"]) for row in rows] == [10.0, 20.123456789, 30.0]
    assert [row["unfamiliar"] for row in rows] == ["true", "false", "false"]


def test_fits_has_units_comments_and_ascii(tmp_path):
    files = written(classified(), tmp_path)
    with fits.open(files["fits"]) as found:
        found.verify("exception")
        header = found["PREDICTIONS"].header
        assert np.isnan(found["PREDICTIONS"].data["probability_FRI"][2])
    table = Table.read(files["fits"])
    assert len(files["fits"].read_bytes()) % 2880 == 0
    assert list(table["id"]) == ["NGC 1", "Abell \\u03b4", "x, y"]
    assert str(table["ra"].unit) == "deg"
    numbers = {header[f"TTYPE{number}"]: number for number in range(1, header["TFIELDS"] + 1)}
    for name, meaning in flags.MEANINGS.items():
        assert header[f"TCOMM{numbers[name]}"] == meaning
    assert pyarrow.parquet.read_table(files["parquet"])["dec"].to_pylist() == [-1.0, None, 1.0]


def test_no_set_is_told_where_nothing_was_calibrated(tmp_path):
    names = Table.read(written(classified(), tmp_path)["fits"]).colnames
    assert not [name for name in names if name.startswith("in_set")]
    assert names[:4] == ["id", "group", "ra", "dec"]
