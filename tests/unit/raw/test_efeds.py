import bz2
import csv
import gzip
import lzma
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skybake import files
from skybake.data.columns import DatasetError
from skybake.data.dataset import Dataset, load_dataset
from skybake.raw import RawError, efeds
from skybake.raw.efeds.catalogue import read_catalogue
from skybake.raw.efeds.options import COLUMNS
from skybake.raw.ingest import ingest

feather = pytest.importorskip("pyarrow.feather")
ROOT = Path(__file__).parents[3]


class Raw:
    """Raw files of n small clusters, and what reading them gives."""

    def __init__(self, folder: Path, n: int = 6, bands: int = 10):
        rng = np.random.default_rng(n)
        self.folder = folder
        self.images = rng.normal(1, 0.3, (n, 6, 5, bands)).astype(np.float32)
        self.ids = [f"c{i}" for i in range(n)]
        self.columns = {"M500c": 10 ** np.linspace(13.2, 14.8, n), "z": np.linspace(0.1, 0.9, n)}

    def write(self, content: object = None, compress=bytes) -> dict[str, Path]:
        import pyarrow as pa

        raw = {"images": self.folder / "images.pickle", "catalogue": self.folder / "catalogue.feather"}
        content = {"cluster": self.ids, "gsm_3dImgs": self.images} if content is None else content
        raw["images"].write_bytes(compress(pickle.dumps(content, protocol=4)))
        feather.write_feather(pa.table(self.columns), raw["catalogue"])
        return raw

    def ingest(self, content: object = None, compress=bytes, mock: bool = False, **options) -> Dataset:
        raw = self.write(content, compress)
        out = self.folder / "dataset.h5"
        ingest(efeds, raw, out, self.folder / "rejected.csv", efeds.Options(**options), mock=mock)
        return load_dataset(out)

    def rejected(self) -> list[tuple[int, str, str]]:
        with (self.folder / "rejected.csv").open(newline="") as stream:
            return [(int(line["row"]), line["id"], line["reason"]) for line in csv.DictReader(stream)]


@pytest.fixture
def raw(tmp_path):
    return Raw(tmp_path)


def test_what_a_dataset_holds(raw):
    data = raw.ingest(mock=True)
    assert (data.images(np.arange(6)) == raw.images).all()
    assert data.labels["log10_mass"] == pytest.approx(np.linspace(13.2, 14.8, 6))
    assert data.scalars["redshift"].tolist() == raw.columns["z"].tolist()
    assert data.ids.tolist() == data.groups.tolist() == raw.ids
    assert (data.survey, data.task, data.mock) == ("efeds", "regression", True)
    assert data.columns["image"].units == "counts"
    assert data.columns["label/log10_mass"].units == "log10(Msun)"
    assert data.bands[0] == "0.25-0.455 keV"
    assert data.bands[-1] == "2.095-2.3 keV"
    assert data.raw == {name: files.file_digest(raw.folder / name) for name in ("images.pickle", "catalogue.feather")}
    assert raw.rejected() == []


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("asked", ["auto", "named"])
def test_three_sets_of_columns(raw, columns, asked):
    raw.columns = dict(zip(COLUMNS[columns], raw.columns.values(), strict=True))
    data = raw.ingest(columns="auto" if asked == "auto" else columns)
    assert data.labels["log10_mass"] == pytest.approx(np.linspace(13.2, 14.8, 6))
    assert data.notes["columns"] == columns


def test_two_sets_of_columns_need_a_choice(raw):
    raw.columns |= {"m500_wl_final": 10 * raw.columns["M500c"], "z_final": raw.columns["z"] + 1}
    with pytest.raises(RawError, match=r"those of sim and obs.*Hint: set `columns`"):
        raw.ingest()
    data = raw.ingest(columns="obs")
    assert data.labels["log10_mass"] == pytest.approx(np.linspace(14.2, 15.8, 6))
    assert data.scalars["redshift"][0] == pytest.approx(1.1)


def test_other_column_names_and_units(raw):
    raw.columns = {"mass": raw.columns["M500c"] / 1e14, "zspec": raw.columns["z"], "kT": np.arange(6.0)}
    data = raw.ingest(mass_column="mass", redshift_column="zspec", mass_unit=1e14, scalars=["kT"])
    assert data.labels["log10_mass"] == pytest.approx(np.linspace(13.2, 14.8, 6))
    assert data.scalars["kT"].tolist() == list(range(6))
    raw.columns["mass"] = np.linspace(13.2, 14.8, 6)
    data = raw.ingest(mass_column="mass", redshift_column="zspec", mass_is_log10=True)
    assert data.labels["log10_mass"] == pytest.approx(np.linspace(13.2, 14.8, 6))


def test_masses_in_the_wrong_unit_are_noticed(raw):
    raw.columns["M500c"] = raw.columns["M500c"] / 1e14
    with pytest.raises(RawError, match=r"'M500c' has a median of .*mass_unit"):
        raw.ingest()


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_pickles(raw, compress):
    assert (raw.ingest(compress=compress).images(np.arange(6)) == raw.images).all()


@pytest.mark.parametrize("form", ["list", "float64", "objects", "nested lists", "byte keys"])
def test_forms_of_the_cubes(raw, form):
    images = raw.images
    if form == "list":
        images = list(images)
    elif form == "float64":
        images = images.astype(float)
    elif form == "objects":
        images = np.empty(6, dtype=object)
        images[:] = list(raw.images)
    elif form == "nested lists":
        images = raw.images.tolist()
    keys = (b"cluster", b"gsm_3dImgs") if form == "byte keys" else ("cluster", "gsm_3dImgs")
    data = raw.ingest(dict(zip(keys, (raw.ids, images), strict=True)))
    assert (data.images(np.arange(6)) == raw.images).all()


@pytest.mark.parametrize("bands", [1, 3])
def test_other_numbers_of_bands(tmp_path, bands):
    data = Raw(tmp_path, bands=bands).ingest()
    assert data.bands == tuple(f"band {i + 1}" for i in range(bands))
    assert data.image_shape == (6, 5, bands)


# --- rejected rows ---------------------------------------------------------------------------------------------------


def test_rows_that_cannot_be_used_are_rejected(tmp_path):
    raw = Raw(tmp_path, n=12)
    mass, redshift = raw.columns["M500c"], raw.columns["z"]
    mass[1], mass[2], mass[3], mass[4] = 0, -1e14, np.nan, np.inf
    redshift[5], redshift[6], redshift[9], redshift[10] = np.nan, -1, -9999, np.inf
    raw.images[7, 2, 2, 3] = np.nan
    raw.images[8, 0, 0, 0] = np.inf
    data = raw.ingest()
    assert raw.rejected() == [
        (1, "c1", "mass not positive"),
        (2, "c2", "mass not positive"),
        (3, "c3", "mass missing"),
        (4, "c4", "mass not finite"),
        (5, "c5", "redshift missing"),
        (6, "c6", "redshift negative"),
        (7, "c7", "image not finite"),
        (8, "c8", "image not finite"),
        (9, "c9", "redshift missing"),
        (10, "c10", "redshift missing"),
    ]
    assert data.ids.tolist() == ["c0", "c11"]
    assert (data.images(np.arange(2)) == raw.images[[0, 11]]).all()


def test_null_masses_are_missing(raw):
    raw.columns["M500c"] = [*raw.columns["M500c"][:-1].tolist(), None]
    assert len(raw.ingest()) == 5
    assert raw.rejected() == [(5, "c5", "mass missing")]


def test_pixels_beyond_float32_are_rejected(raw):
    images = raw.images.astype(float)
    images[3, 0, 0, 0] = 1e300
    assert len(raw.ingest({"cluster": raw.ids, "gsm_3dImgs": images})) == 5
    assert raw.rejected() == [(3, "c3", "image not finite")]


def test_a_list_may_hold_odd_images(raw):
    images = list(raw.images)
    images[1], images[4] = images[1][:-1], None
    assert len(raw.ingest({"cluster": raw.ids, "gsm_3dImgs": images})) == 4
    assert raw.rejected() == [(1, "c1", "image shape"), (4, "c4", "image shape")]


def test_nothing_accepted_still_says_why(raw):
    raw.columns["M500c"] = -raw.columns["M500c"]
    with pytest.raises(DatasetError, match="no object was accepted"):
        raw.ingest()
    assert [reason for _, _, reason in raw.rejected()] == ["mass not positive"] * 6
    assert not (raw.folder / "dataset.h5").exists()


def test_more_rows_than_a_chunk(tmp_path):
    raw = Raw(tmp_path, n=150)
    raw.images[70, 0, 0, 0] = np.nan
    data = raw.ingest()
    kept = np.delete(np.arange(150), 70)
    assert (data.images(np.arange(149)) == raw.images[kept]).all()
    assert data.labels["log10_mass"] == pytest.approx(np.linspace(13.2, 14.8, 150)[kept])


# --- matching --------------------------------------------------------------------------------------------------------


def test_rows_find_their_images_by_id(raw):
    order = np.array([3, 1, 5, 0, 2, 4])
    raw.columns["ID_SRC_OUT"] = [raw.ids[i] for i in order]
    data = raw.ingest()
    assert data.ids.tolist() == [raw.ids[i] for i in order]  # the catalogue's order
    assert (data.images(np.arange(6)) == raw.images[order]).all()
    assert data.notes["matched_by"] == "id (ID_SRC_OUT)"
    assert (raw.ingest(match="position").images(np.arange(6)) == raw.images).all()


@pytest.mark.parametrize("as_written", [lambda i: 100 + i, lambda i: float(100 + i), lambda i: str(100 + i).encode()])
def test_ids_are_the_same_as_numbers_or_text(raw, as_written):
    raw.columns["cluster"] = [as_written(i) for i in range(6)][::-1]
    raw.ids = [f"{100 + i}" for i in range(6)]
    assert (raw.ingest().images(np.arange(6)) == raw.images[::-1]).all()


def test_numbered_images_match_only_a_column_with_all_numbers(raw):
    raw.ids = list(range(6))
    raw.columns["ID_SRC_OUT"] = [3, 1, 5, 0, 2, 77]  # ids of something else that happen to be small
    assert raw.ingest().notes["matched_by"] == "position"
    raw.columns["ID_SRC_OUT"] = [3, 1, 5, 0, 2, 4]
    assert raw.ingest().images(np.array([0])).tolist() == raw.images[[3]].tolist()


def test_rows_and_images_without_partner(raw, caplog):
    raw.columns["cluster"] = ["c0", "x", "c2", "c3", "c4", "y"]
    data = raw.ingest()
    assert data.ids.tolist() == ["c0", "c2", "c3", "c4"]
    assert raw.rejected() == [(1, "x", "no image"), (5, "y", "no image")]
    assert data.notes["images_without_row"] == 2
    assert "2 images have no row, first: c1" in caplog.text


def test_ambiguous_ids_are_rejected(raw):
    raw.columns["cluster"] = ["c0", "c2", "c2", "c1", "c3", "c4"]
    assert raw.ingest().ids.tolist() == ["c0", "c1", "c3", "c4"]
    assert raw.rejected() == [(1, "c2", "id repeats"), (2, "c2", "id repeats")]


def test_a_mismatch_in_number_says_both(raw):
    raw.columns = {name: values[:-1] for name, values in raw.columns.items()}
    with pytest.raises(RawError, match=r"has 6 images, .* has 5 rows"):
        raw.ingest()
    with pytest.raises(RawError, match=r"'cluster' has 5 ids, 'gsm_3dImgs' has 6 images"):
        raw.ingest({"cluster": raw.ids[:-1], "gsm_3dImgs": raw.images})


def test_images_without_ids_match_by_position(raw):
    data = raw.ingest({"gsm_3dImgs": raw.images})
    assert data.ids.tolist() == ["0", "1", "2", "3", "4", "5"]
    raw.columns["ID_SRC"] = np.arange(6) + 40
    assert raw.ingest({"gsm_3dImgs": raw.images}).ids.tolist() == ["40", "41", "42", "43", "44", "45"]
    with pytest.raises(RawError, match="match: position"):
        raw.ingest({"gsm_3dImgs": raw.images}, match="id")


def test_no_common_id_is_an_error(raw):
    raw.columns["cluster"] = [f"other{i}" for i in range(6)]
    with pytest.raises(RawError, match=r"'other0'.*'c0'.*id_column"):
        raw.ingest()


def test_recurring_halos_are_named_and_grouped(raw):
    raw.ids = ["h1", "h2", "h1", "h1", "h2", "h1#2"]
    raw.columns["SRC_ID_IN"] = list(raw.ids)
    data = raw.ingest()
    assert data.ids.tolist() == ["h1", "h2", "h1#3", "h1#4", "h2#2", "h1#2"]
    assert data.groups.tolist() == ["h1", "h2", "h1", "h1", "h2", "h1#2"]
    assert (data.images(np.arange(6)) == raw.images).all()


def test_the_same_cube_twice_is_a_duplicate(raw):
    raw.ids[4] = raw.ids[0]
    raw.images[4] = raw.images[0]
    raw.columns["M500c"][4] = raw.columns["M500c"][0]
    assert len(raw.ingest()) == 5
    assert raw.rejected() == [(4, "c0", "duplicate")]


def test_groups_come_from_the_halo_id(raw):
    raw.columns |= {"SRC_ID_IN": [7, 7, 8, 8, 9, None], "field": [1, 1, 1, 2, 2, 2], "pid": [-1] * 6}
    assert raw.ingest().groups.tolist() == ["7", "7", "8", "8", "9", "c5"]
    assert raw.ingest(group_column="field").groups.tolist() == ["1", "1", "1", "2", "2", "2"]


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "expected a dict with 'cluster' and 'gsm_3dImgs', found list"),
        ({"cluster": [1], "imgs": [2]}, r"expected the key 'gsm_3dImgs', found \['cluster', 'imgs'\]"),
        ({"gsm_3dImgs": np.zeros((6, 5, 5))}, r"expected images of shape \(N, H, W, C\), found \(6, 5, 5\)"),
        ({"gsm_3dImgs": np.zeros((6, 5, 5, 0))}, r"found \(6, 5, 5, 0\)"),
        ({"gsm_3dImgs": []}, "holds no image"),
        ({"gsm_3dImgs": "text"}, "found str"),
        ({"gsm_3dImgs": np.zeros((6, 5, 5, 1), complex)}, "an array of complex128"),
        ({"cluster": "abc", "gsm_3dImgs": np.zeros((6, 5, 5, 1))}, "'cluster' should be a list of ids, found str"),
    ],
)
def test_wrong_pickles(raw, content, message):
    with pytest.raises(RawError, match=message) as caught:
        raw.ingest(content)
    assert "images.pickle" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"M500c": [1e14] * 6}, {}, r"sim: M500c and z.*found \['M500c'\]"),
        ({"M500c": [1e14] * 6}, {"columns": "sim"}, r"no column 'z'; found \['M500c'\]"),
        ({"M500c": ["1e14"] * 6, "z": [0.1] * 6}, {}, "column 'M500c' should hold numbers, found string"),
        ({"M500c": [1e14] * 6, "z": [0.1] * 6}, {"id_column": "name"}, "no column 'name'"),
        ({"M500c": [1e14] * 6, "z": [0.1] * 6}, {"scalars": ["kT"]}, "no column 'kT'"),
        ({"M500c": [1e14] * 6, "z": [0.1] * 6}, {"match": "id"}, "none of .* holds the images' ids"),
        ({"M500c": np.empty(0), "z": np.empty(0)}, {}, "no rows"),
    ],
)
def test_wrong_catalogues(raw, columns, options, message):
    raw.columns = columns
    with pytest.raises(RawError, match=message) as caught:
        raw.ingest(**options)
    assert "catalogue.feather" in str(caught.value)


def test_catalogue_that_is_no_feather_file(raw):
    paths = raw.write()
    for content in (b"z,M500c\n0.1,1e14\n", b"", paths["catalogue"].read_bytes()[:-20]):
        paths["catalogue"].write_bytes(content)
        with pytest.raises(RawError, match=r"catalogue\.feather: not a readable feather file"):
            read_catalogue(paths["catalogue"], efeds.Options())
    with pytest.raises(RawError, match="not a readable feather file"):
        read_catalogue(raw.folder / "absent.feather", efeds.Options())


def test_hostile_images_are_refused(raw):
    class Hostile:
        def __reduce__(self):
            return exec, (f"open({str(raw.folder / 'was_here')!r}, 'w')",)

    with pytest.raises(RawError, match=r"builtins\.exec"):
        raw.ingest({"cluster": raw.ids, "gsm_3dImgs": [Hostile()] * 6})
    assert not (raw.folder / "was_here").exists()
    assert not (raw.folder / "dataset.h5").exists()


def test_an_old_dataset_survives_a_failed_ingest(raw):
    before = raw.ingest().digest
    with pytest.raises(RawError):
        raw.ingest([])
    assert load_dataset(raw.folder / "dataset.h5").digest == before


def test_importing_the_module_is_light():
    code = "import sys, skybake.raw.efeds, skybake.mock.efeds; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"pandas", "pyarrow", "astropy", "scipy", "colossus", "tqdm"} & set(modules.split())


def test_same_raw_files_same_bytes(raw, tmp_path):
    raw.ingest()
    first = files.file_digest(tmp_path / "dataset.h5")
    raw.ingest()
    assert files.file_digest(tmp_path / "dataset.h5") == first


def test_numbers_that_stand_for_a_missing_value_are_missing(raw):
    raw.columns["hardness"] = np.array([0.1, 0.2, -99.0, -1.0, 0.5, -99.0])
    raw.columns["mass"] = np.array([13.5, 13.9, 14.1, 77.0, 14.5, 14.9])
    options = {"mass_column": "mass", "mass_is_log10": True, "scalars": ("hardness",)}
    data = raw.ingest(**options, missing_values=(-99, 77))
    assert np.isnan(data.scalars["hardness"]).tolist() == [False, False, True, False, True]
    assert raw.rejected() == [(3, "c3", "label missing")]
