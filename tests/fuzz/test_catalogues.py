"""Catalogues of any format and spelling, and what is wrong with them: each value is the truth, missing, or refused."""

import pickle
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from hypothesis import given
from hypothesis import strategies as st

from skybake.data.dataset import load_dataset
from skybake.raw import decam, efeds, sdss
from skybake.raw.ingest import ingest
from tests.fuzz.conftest import examples
from tests.fuzz.outcomes import MARKS, damage, right_or_refused

FORMATS = ("csv", "fits", "parquet", "feather", "ecsv")
FIRST = 1237662525769187516


def write(path, table, missing):
    """Write a table in the format of the file's name; ``missing`` (columns) of masks, whose values are not written."""
    kind = path.suffix[1:]
    if kind == "csv":
        table = table.astype(object)
        for k, (name, mask) in enumerate(missing.items()):
            table.loc[mask, name] = MARKS[k % len(MARKS)]
        table.to_csv(path, index=False)
    elif kind in ("fits", "ecsv"):
        columns = {
            name: MaskedColumn(table[name].to_numpy(), mask=missing[name])
            if name in missing
            else table[name].to_numpy()
            for name in table
        }
        columns = {name: values.astype(str) if values.dtype == object else values for name, values in columns.items()}
        Table(columns).write(path, format={"ecsv": "ascii.ecsv"}.get(kind, kind))
    else:
        for name, mask in missing.items():
            integer = table[name].dtype.kind in "iu"
            table[name] = (table[name].astype("Int64") if integer else table[name]).mask(mask)
        table.to_parquet(path) if kind == "parquet" else table.to_feather(path)


@st.composite
def tables(draw):
    """Return an SDSS catalogue, which values are missing, and how its names are spelt."""
    n = draw(st.integers(2, 8))
    numbers = st.lists(st.floats(-5, 30).map(lambda value: round(value, 3)), min_size=n, max_size=n)
    table = pd.DataFrame(
        {
            "objID": FIRST + np.array(draw(st.lists(st.integers(0, 9000), min_size=n, max_size=n, unique=True))),
            "ra": np.linspace(150, 151, n),
            "dec": np.linspace(1, 2, n),
            "redshift": np.round(np.linspace(0.1, 0.9, n), 3),
            "psfMag_u": draw(numbers),
            "psfMag_g": draw(numbers),
            "run": 756,
            "camcol": 3,
            "field": draw(st.lists(st.integers(1, 900), min_size=n, max_size=n)),
        }
    )
    names = draw(st.sets(st.sampled_from(["objID", "redshift", "psfMag_u", "field", "ra"]), max_size=3))
    mask = st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)
    return table, {name: draw(mask) for name in sorted(names)}, draw(st.sampled_from(["", " ", "upper", "lower"]))


@examples(150)
@given(tables(), st.sampled_from(FORMATS), st.sampled_from(["", "join", "Z", "z_spec", "index"]))
def test_values_of_a_catalogue_are_the_truth_or_missing(tried, given_table, kind, change):
    table, missing, spelling = given_table
    truth = table.set_index("objID")
    unknown = {name: set(table.objID[mask]) for name, mask in missing.items()}
    spelt = {"": str, " ": lambda name: f" {name} ", "upper": str.upper, "lower": str.lower}[spelling]
    if change in ("join", "Z", "z_spec"):
        table = table.assign(other=7.5)
    table.columns = [spelt(name) for name in table.columns]
    missing = {spelt(name): mask for name, mask in missing.items()}
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / f"catalogue.{kind}"
        last = {"join": spelt("redshift"), "Z": "REDSHIFT ", "z_spec": "z_spec"}.get(change)
        if last and kind == "csv":
            write(path, table, missing)
            path.write_text(path.read_text().replace(table.columns[-1], last, 1))
        else:
            table = table.rename(columns={table.columns[-1]: last}) if change == "z_spec" else table
            write(path, table, missing)
        _, _, objects, rejections, _ = sdss.read_objects({"catalogue": path, "frames": path.parent}, sdss.Options())
        assert change not in ("join", "Z") or kind != "csv", "an ambiguous redshift was read"
        assert len(objects.ids) + len(rejections) == len(table)
        for k, objid in enumerate(map(int, objects.ids)):
            assert objid in truth.index
            assert objid not in unknown.get("objID", ())
            assert objid not in unknown.get("redshift", ())
            assert objects.label[k] == truth.redshift[objid]
            assert objects.ra[k] == truth.ra[objid]
            for scalar in ("psfMag_u", "psfMag_g"):
                if scalar in objects.scalars:
                    expected = np.nan if objid in unknown.get(scalar, ()) else truth[scalar][objid]
                    assert np.array_equal(objects.scalars[scalar][k], expected, equal_nan=True)


@examples(150)
@given(tables(), st.sampled_from(FORMATS), damage())
def test_a_damaged_catalogue_is_read_or_refused(tried, given_table, kind, damaged):
    table, missing, _ = given_table
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / f"catalogue.{kind}"
        write(path, table, missing)
        path.write_bytes(damaged(path.read_bytes()))
        *_, rejections, _ = sdss.read_objects({"catalogue": path, "frames": path.parent}, sdss.Options())
        assert len({item.row for item in rejections}) == len(rejections)


CARDS = ["TFORM1", "TFORM2", "TTYPE2", "TNULL1", "TSCAL2", "TZERO2", "TDIM2", "NAXIS1", "NAXIS2", "TFIELDS", "PCOUNT"]


@examples(150)
@given(
    st.sampled_from(CARDS),
    st.one_of(
        st.integers(-3, 10**6), st.sampled_from(["K", "D", "5D", "1PD(3)", "A19", "", "objID", "(2,2)", "X", "L"])
    ),
)
def test_cards_of_a_fits_table_are_read_or_refused(tried, card, value):
    table = pd.DataFrame({"objID": FIRST + np.arange(5), "ra": 150.0, "dec": 1.0, "redshift": np.linspace(0.1, 0.2, 5)})
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / "catalogue.fits"
        Table.from_pandas(table).write(path)
        with fits.open(path, mode="update", output_verify="ignore") as file:
            header = file[1].header.tostring(padding=False)
            file[1].header[card] = value
            after = file[1].header.tostring(padding=False)
        data = path.read_bytes()
        begin = data.find(b"XTENSION")
        space = -(-len(after) // 2880) * 2880
        old = -(-len(header) // 2880) * 2880
        path.write_bytes(data[:begin] + after.encode().ljust(space) + data[begin + old :])
        _, _, objects, rejections, _ = sdss.read_objects({"catalogue": path, "frames": path.parent}, sdss.Options())
        assert len(objects.ids) + len(rejections) >= 0


@examples(120)
@given(st.data())
def test_labels_of_stamps_are_the_truth(tried, data):
    n = data.draw(st.integers(4, 10))
    truth = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    stamps = np.random.default_rng(n).uniform(1, 2, (n, 6, 6)) * (2 * truth - 1)[:, None, None]
    written = data.draw(
        st.sampled_from(
            [
                *(truth, truth.astype(float), truth.astype(bool), 2 * truth - 1, truth + 1, np.eye(2)[truth]),
                *(np.array(names)[truth] for names in (["noise", "source"], ["Star", "Galaxy"], ["False", "TRUE"])),
                truth[:, None],
            ]
        )
    )
    shape = data.draw(st.sampled_from([(n, 6, 6), (n, 36), (n, 1, 6, 6), (n, 6, 6, 1), (n, 1, 1, 36)]))
    where = data.draw(st.sampled_from(["npz", "csv", "fits", "parquet", "both"]))
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        folder = Path(name)
        raw, arrays = {"stamps": folder / "stamps.npz"}, {"stamps": stamps.reshape(shape)}
        if where in ("npz", "both"):
            arrays["labels"] = written
        if where != "npz":
            kind = "csv" if where == "both" else where
            given = np.asarray(written) if where != "both" else data.draw(st.sampled_from([truth, truth[::-1]]))
            if given.ndim > 1:
                given = given[:, -1]
            raw["catalogue"] = folder / f"catalogue.{kind}"
            columns = {"label": given, "S/N": np.arange(n) + 5.0}
            mask = np.arange(n) % 3 == 0
            write(raw["catalogue"], pd.DataFrame(columns), {"S/N": mask})
        np.savez(raw["stamps"], **arrays)
        options = decam.Options(scalars=("S/N",)) if "catalogue" in raw else decam.Options()
        ingest(decam, raw, folder / "d.h5", folder / "rejected.csv", options, mock=False)
        found = load_dataset(folder / "d.h5")
        pixels = found.images(np.arange(len(found)))[:, 0, 0, 0]
        assert (found.labels["class"] == (pixels > 0)).all()
        assert found.image_shape == (6, 6, 1)
        if "catalogue" in raw and len(found) == n:
            assert np.isnan(found.scalars["S/N"]).tolist() == mask.tolist()


@examples(150)
@given(st.data())
def test_masses_of_cubes_are_the_truth(tried, data):
    parent = data.draw(st.integers(4, 15))
    kept = np.array(sorted(data.draw(st.sets(st.integers(0, parent - 1), min_size=3))))
    truth = 13 + np.arange(parent) / 10
    first, named = data.draw(st.integers(0, 2)), data.draw(st.booleans())
    ids = [f"c{k}" for k in range(parent)] if named else list(range(first, first + parent))
    rows = kept if data.draw(st.booleans()) else np.arange(parent)
    order = np.array(data.draw(st.permutations(list(kept)))) if data.draw(st.booleans()) else kept
    same = named or first == 0  # else the catalogue numbers otherwise than the cubes do, and only the order can tell
    if not same and (len(rows) != len(order) or not (rows == order).all()):
        order = rows = kept
    cubes = truth[order][:, None, None, None] + np.zeros((1, 6, 5, 2))
    cubes += np.linspace(0, 1e-4, 6)[:, None, None]
    number = [f"c{k}" for k in order] if named else order
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        folder = Path(name)
        (folder / "images.pkl").write_bytes(pickle.dumps({"cluster": number, "gsm_3dImgs": cubes}))
        column = data.draw(st.sampled_from(["ID_SRC", "cluster", "ID_SRC_OUT", "nothing"]))
        table = pd.DataFrame({"M500c": 10 ** truth[rows], "z": 0.3, column: [ids[k] for k in rows]})
        if column == "nothing" and not (len(rows) == len(order) and (rows == order).all()):
            return  # nobody could know
        table.to_feather(folder / "catalogue.feather")
        raw = {"images": folder / "images.pkl", "catalogue": folder / "catalogue.feather"}
        options = efeds.Options(most_rejected=1)
        ingest(efeds, raw, folder / "d.h5", folder / "rejected.csv", options, mock=False)
        found = load_dataset(folder / "d.h5")
        pixels = found.images(np.arange(len(found)))[:, 0, 0, 0]
        assert np.abs(found.labels["log10_mass"] - pixels).max() < 1e-3
