"""The stamp reader on small arrays of every form, good and bad, and on real stamps."""

import csv

import numpy as np
import pytest
from pydantic import ValidationError

from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset
from skybake.raw import RawError, decam
from skybake.raw.decam import pixels
from skybake.raw.ingest import ingest

RNG = np.random.default_rng(0)
SOURCES, NOISE = (RNG.normal(size=(n, 9, 9)).astype(np.float32) for n in (5, 7))


class Folder:
    """Raw files in a folder, and what the reader makes of them."""

    def __init__(self, path):
        self.path, self.raw = path, {}

    def array(self, name, array, file=""):
        np.save(self.path / f"{file or name}.npy", array)
        self.raw[name] = self.path / f"{file or name}.npy"
        return self

    def archive(self, **arrays):
        np.savez(self.path / "stamps.npz", **arrays)
        self.raw["stamps"] = self.path / "stamps.npz"
        return self

    def catalogue(self, **columns):
        with (self.path / "catalogue.csv").open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(columns)
            table.writerows(zip(*columns.values(), strict=True))
        self.raw["catalogue"] = self.path / "catalogue.csv"
        return self

    def read(self, **options):
        """Return the dataset and the rejected rows: (row, id, reason)."""
        ingest(decam, self.raw, self.path / "d.h5", self.path / "rejected.csv", decam.Options(**options), mock=False)
        return load_dataset(self.path / "d.h5"), self.rejected()

    def rejected(self):
        with (self.path / "rejected.csv").open() as stream:
            return [(int(row["row"]), row["id"], row["reason"]) for row in csv.DictReader(stream)]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def images(data):
    return data.images(np.arange(len(data)))


def test_two_arrays_are_two_classes(folder):
    data, rejected = folder.array("sources", SOURCES).array("noise", NOISE).read()
    assert (data.survey, data.task, data.bands, data.image_shape) == ("decam", "classification", ("coadd",), (9, 9, 1))
    assert data.classes == ("noise", "source")
    assert list(data.labels["class"]) == [1] * 5 + [0] * 7
    assert list(data.ids[[0, 4, 5]]) == ["sources-0", "sources-4", "noise-0"]
    assert list(data.groups) == list(data.ids)
    assert np.array_equal(images(data)[..., 0], np.concatenate([SOURCES, NOISE]))
    assert rejected == []
    assert set(data.raw) == {"sources.npy", "noise.npy"}
    assert data.columns["label/class"].description == "0 noise, 1 source"


CUBES = RNG.normal(size=(12, 9, 9, 3))
FORMS = {
    "flattened": (SOURCES.reshape(5, 81), {}, SOURCES[..., None]),
    "square": (SOURCES, {}, SOURCES[..., None]),
    "one channel": (SOURCES[..., None], {}, SOURCES[..., None]),
    "channels last": (CUBES, {}, CUBES),
    "channels first": (np.moveaxis(CUBES, -1, 1), {}, CUBES),
    "flattened, channels last": (CUBES.reshape(12, -1), {"size": 9, "layout": "channels_last"}, CUBES),
    "flattened, channels first": (
        np.moveaxis(CUBES, -1, 1).reshape(12, -1),
        {"size": 9, "layout": "channels_first"},
        CUBES,
    ),
    "as many channels as pixels": (
        CUBES[:, :3, :3],
        {"layout": "channels_first"},
        np.moveaxis(CUBES[:, :3, :3], 1, -1),
    ),
    "Fortran order": (np.asfortranarray(CUBES), {}, CUBES),
    "whole numbers": ((100 * CUBES).astype(np.int16), {}, (100 * CUBES).astype(np.int16)),
    "big-endian": (CUBES.astype(">f8"), {}, CUBES),
}


@pytest.mark.parametrize("case", FORMS)
def test_every_form_of_stamps_is_read(case, folder):
    array, options, expected = FORMS[case]
    data, _ = folder.array("sources", array).array("noise", array[:2] + 1).read(**options)
    assert np.array_equal(images(data)[: len(expected)], expected.astype(np.float32))


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.zeros((3, 80)), {}, "80 pixels, which are no square"),
        (np.zeros((3, 80)), {"size": 7}, "no 7 x 7 of any channels"),
        (np.zeros((3, 162)), {"size": 9}, "2 channels of flattened stamps. Hint: the option layout"),
        (np.zeros((3, 9, 8)), {}, r"shape \(9, 8\) found; expected square"),
        (np.zeros((3, 9, 9, 9)), {}, "may stand first or last"),
        (np.zeros((3, 9, 9, 2)), {"layout": "channels_first"}, "with channels_first"),
        (np.zeros((3, 2, 9, 9, 2)), {}, "expected square ones"),
        (np.zeros(81), {}, "expected stamps"),
        (np.zeros((0, 9, 9)), {}, "at least one"),
        (np.full((3, 9, 9), "a"), {}, "stamps of <U1 found"),
        (np.zeros((3, 9, 9), dtype=complex), {}, "stamps of complex128 found"),
        (np.zeros((3, 9, 9, 2)), {"bands": ["g"]}, "1 names found; the stamps have 2 channels"),
        (np.zeros((3, 8, 8)), {}, "stamps of different form"),
        (SOURCES, {"classes": ["a", "b", "c"]}, "3 names found; sources and noise are two"),
    ],
)
def test_arrays_that_are_no_stamps_are_refused(array, options, message, folder):
    noise = NOISE if array.ndim == 3 and array.shape[1:] == (8, 8) else array
    folder.array("sources", array).array("noise", noise)
    with pytest.raises(RawError, match=message):
        folder.read(**options)
    assert not (folder.path / "d.h5").exists()


def test_files_that_cannot_be_read_are_told_apart(folder):
    folder.array("noise", NOISE)
    path = folder.raw["sources"] = folder.path / "sources.npy"
    with pytest.raises(RawError, match=r"sources\.npy: no such file"):
        folder.read()
    np.save(path, np.array([{}, None], dtype=object), allow_pickle=True)
    with pytest.raises(RawError, match="arrays of objects are not read"):
        folder.read()
    path.write_bytes(folder.raw["noise"].read_bytes()[:-40])
    with pytest.raises(RawError, match=r"sources\.npy: not a readable \.npy"):
        folder.read()
    path.write_bytes(b"")
    with pytest.raises(RawError, match="is the download complete"):
        folder.read()
    with path.open("wb") as stream:
        np.savez(stream, a=NOISE)
    with pytest.raises(RawError, match="raw: stamps takes a"):
        folder.read()
    archive = folder.archive(stamps=NOISE, labels=np.ones(7)).raw.pop("stamps")
    archive.write_bytes(archive.read_bytes()[:-100])
    folder.raw = {"stamps": archive}
    with pytest.raises(RawError, match=r"stamps\.npz: not a readable"):
        folder.read()


# --- labels ----------------------------------------------------------------------------------------------------------

BOTH = np.concatenate([SOURCES, NOISE])
LABELS = np.array([1] * 5 + [0] * 7)


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS.astype(float), LABELS.astype(bool), np.array(["noise", "source"])[LABELS]]
)
def test_an_archive_with_labels(labels, folder):
    data, rejected = folder.archive(images=BOTH, y=labels).read()
    assert list(data.labels["class"]) == list(LABELS)
    assert rejected == []


def test_one_array_with_a_catalogue(folder):
    folder.array("stamps", BOTH).catalogue(id=[f"s{k}" for k in range(12)], kind_of=["a", *"bbbb", *"ccccccc"])
    data, _ = folder.read(label="kind_of", classes=["c", "b", "a"])
    assert list(data.labels["class"]) == [2, 1, 1, 1, 1] + [0] * 7
    assert data.classes == ("c", "b", "a")
    assert data.ids[3] == "s3"


def test_rows_of_a_catalogue_find_their_stamps_by_name(folder):
    """Ids of 18 digits: as floats two of them would be one."""
    names = 697251920015010000 + np.arange(12)
    order = np.random.default_rng(1).permutation(12)
    order = order[order != 8]  # a stamp without a row
    folder.archive(stamps=BOTH, candid=names, label=LABELS)
    folder.catalogue(candid=names[order], mag=order + 0.5, snr=["" if k == 3 else k for k in order])
    data, _ = folder.read(match="candid", id="candid")
    assert list(data.ids) == [str(name) for name in names]
    assert np.array_equal(
        data.scalars["mag"], np.where(np.arange(12) == 8, np.nan, np.arange(12) + 0.5), equal_nan=True
    )
    assert list(np.flatnonzero(np.isnan(data.scalars["snr"]))) == [3, 8]
    assert data.columns["scalar/mag"].units == "mag"


REJECTED = {
    "no class": (["", "nan", "-9999", "inf"], {}),
    "unknown class": (["2", "-1", "star", "0.5"], {}),
}


@pytest.mark.parametrize("reason", REJECTED)
def test_labels_that_are_none_are_rejected(reason, folder):
    values, options = REJECTED[reason]
    labels = [str(label) for label in LABELS]
    labels[2 : 2 + len(values)] = values
    data, rejected = folder.array("stamps", BOTH).catalogue(label=labels).read(**options)
    assert rejected == [(2 + k, f"stamps-{2 + k}", reason) for k in range(len(values))]
    assert len(data) + len(rejected) == 12


def test_swapped_files_are_noticed(folder):
    folder.array("sources", NOISE).array("noise", SOURCES)
    folder.catalogue(**{"class": ["noise"] * 7 + ["source"] * 5})
    message = r"catalogue\.csv: row 0, from 0, is noise by class, but .* class source; 12 rows disagree.*swapped"
    with pytest.raises(RawError, match=message):
        folder.read()


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (lambda f: f.array("stamps", BOTH), {}, "no labels; expected labels or label or class or y"),
        (
            lambda f: f.archive(stamps=BOTH, thing=LABELS),
            {"label": "what"},
            "option label: no array or column 'what'; found thing",
        ),
        (
            lambda f: f.archive(pictures=BOTH, y=LABELS),
            {},
            r"no array 'stamps or images or data' of stamps; found \['pictures', 'y'\]",
        ),
        (lambda f: f.archive(stamps=BOTH, y=LABELS), {"stamps": "x"}, "no array 'x' of stamps"),
        (lambda f: f.array("stamps", BOTH).catalogue(y=[1, 0]), {}, "2 rows for 12 stamps"),
        (lambda f: f.archive(stamps=BOTH, y=LABELS), {"match": "y"}, "no catalogue"),
        (
            lambda f: f.archive(stamps=BOTH, y=LABELS).catalogue(a=[1]),
            {"match": "y", "scalars": ["a"]},
            "no column 'y'",
        ),
        (
            lambda f: f.archive(stamps=BOTH, y=LABELS).catalogue(y=[1, 1], a=[1, 2]),
            {"match": "y", "scalars": ["a"]},
            "y '1' stands in rows 0 and 1",
        ),
        (lambda f: f.archive(stamps=BOTH, y=LABELS), {"scalars": ["y"]}, "'y' is kept anyway"),
        (
            lambda f: f.archive(stamps=BOTH, y=LABELS, a=["1"] * 11 + ["x"]),
            {"scalars": ["a"]},
            "row 11, from 0: a is 'x'; expected a number",
        ),
        (
            lambda f: f.archive(stamps=np.tile(BOTH, (5, 1, 1)), y=np.tile(LABELS, 5), a=[f"w{k}" for k in range(60)]),
            {"scalars": ["a"]},
            "60 different words",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(build, options, message, folder):
    build(folder)
    with pytest.raises(RawError, match=message):
        folder.read(**options)


# --- pixels ----------------------------------------------------------------------------------------------------------


def spoiled():
    """Return stamps with two channels of which some are masked, constant or the same as others."""
    stamps = np.random.default_rng(2).normal(10, 1, (9, 9, 9, 2)).astype(np.float32)
    stamps[1, 0, :, 0] = np.nan
    stamps[2, :3, 1, 1] = [np.inf, -np.inf, np.finfo(np.float32).min]
    stamps[3, :5, :, 0] = np.nan  # 45 of 81
    stamps[4, ..., 1] = np.nan
    stamps[5, ..., 0], stamps[5, ..., 1] = 3.0, 4.0
    stamps[6, ..., 0] = 7.0  # the other channel has contrast
    stamps[7] = stamps[0]
    return stamps


def test_masked_pixels_get_the_median_of_their_stamp_and_band_and_are_counted(folder):
    stamps = spoiled()
    data, rejected = folder.archive(stamps=stamps, y=[0, 1, 0, 1, 0, 1, 0, 0, 1]).read()
    assert rejected == [
        (3, "stamps-3", "masked pixels"),
        (4, "stamps-4", "masked pixels"),
        (5, "stamps-5", "constant stamp"),
        (7, "stamps-7", "duplicate"),
    ]
    assert list(data.ids) == [f"stamps-{k}" for k in (0, 1, 2, 6, 8)]
    assert list(data.scalars["n_masked"]) == [0, 9, 3, 0, 0]
    found = images(data)
    assert np.isfinite(found).all()
    assert (found[1, 0, :, 0] == np.nanmedian(stamps[1, ..., 0])).all()
    good = np.abs(stamps[2, ..., 1]) < 1e30
    assert (found[2, ..., 1][~good] == np.median(stamps[2, ..., 1][good])).all()
    untouched = np.isfinite(stamps[1])
    assert np.array_equal(found[1][untouched], stamps[1][untouched])


def test_masked_and_constant_stamps_as_the_options_say(folder):
    folder.archive(stamps=spoiled(), y=[0, 1, 0, 1, 0, 1, 0, 0, 1])
    _, rejected = folder.read(masked="reject")
    assert [(row, reason) for row, _, reason in rejected] == [
        (1, "masked pixels"),
        (2, "masked pixels"),
        (3, "masked pixels"),
        (4, "masked pixels"),
        (5, "constant stamp"),
        (7, "duplicate"),
    ]
    data, rejected = folder.read(most_masked=0.6, constant="keep")
    assert [row for row, _, _ in rejected] == [4, 7]
    assert (images(data)[4, ..., 0] == 3).all()
    with pytest.raises(ValidationError, match="less than 1"):
        decam.Options(most_masked=1.0)


def test_constant_stamps_that_are_kept_are_no_duplicates(folder):
    stamps = BOTH.copy()
    stamps[[2, 3]] = 0
    data, rejected = folder.archive(stamps=stamps, y=LABELS).read(constant="keep")
    assert (len(data), rejected) == (12, [])


def test_numbers_too_large_for_the_dataset_are_masked(folder):
    stamps = BOTH.astype(np.float64)
    stamps[0, 4, 4] = 1e300
    data, _ = folder.archive(stamps=stamps, y=LABELS).read()
    assert data.scalars["n_masked"][0] == 1


def test_blocks_make_no_difference(folder, monkeypatch):
    stamps = spoiled()
    folder.archive(stamps=stamps, y=[0, 1, 0, 1, 0, 1, 0, 0, 1])
    one, rejected = folder.read()
    before, labels = images(one), one.labels["class"]
    monkeypatch.setattr(pixels, "BLOCK", 2)
    two, again = folder.read()
    assert again == rejected
    assert np.array_equal(images(two), before)
    assert np.array_equal(two.labels["class"], labels)


def test_without_a_stamp_left_there_is_no_dataset(folder):
    folder.archive(stamps=np.zeros((4, 9, 9)), y=[0, 1, 0, 1])
    with pytest.raises(DatasetError, match="no object was accepted"):
        folder.read()
    assert len(folder.rejected()) == 4
    assert not (folder.path / "d.h5").exists()


# --- names and groups ------------------------------------------------------------------------------------------------


def test_a_repeated_id_is_rejected_and_an_empty_one_is_numbered(folder):
    names = ["a", "b", "", "a", *"defghijk"]
    data, rejected = folder.archive(stamps=BOTH, y=LABELS, id=names).read()
    assert rejected == [(3, "a", "repeated id")]
    assert list(data.ids[:4]) == ["a", "b", "stamps-2", "d"]


def test_groups_are_the_first_name_that_is_there(folder):
    folder.archive(stamps=BOTH, y=LABELS, sso=["x", "x", *[""] * 10], field=["f", "g", "h", *["i"] * 8, ""])
    data, rejected = folder.read(group=["sso", "field"])
    assert list(data.groups[:4]) == ["x", "x", "h", "i"]
    assert data.groups[11] == "stamps-11"  # stands alone
    assert rejected == []


POSITIONS = ["c1p10_10v3", "c1p11_10v9", "c1p12_11v3", "c2p11_10v3", "c1p20_10v3", "c1p10_10v7"]
PIXEL = "c(?P<chip>[0-9]+)p(?P<x>[0-9]+)_(?P<y>[0-9]+)v"


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        (
            {"group_pattern": "c[0-9]+p[0-9]+_[0-9]+"},
            ["c1p10_10", "c1p11_10", "c1p12_11", "c2p11_10", "c1p20_10", "c1p10_10"],
        ),
        ({"group_pattern": PIXEL}, ["1_10_10", "1_11_10", "1_12_11", "2_11_10", "1_20_10", "1_10_10"]),
        # from pixel to pixel: the third is 2.2 from the first, and joined to it by the second
        ({"group_pattern": PIXEL, "group_link": 1.5}, ["1_10_10"] * 3 + ["2_11_10", "1_20_10", "1_10_10"]),
        ({"group_pattern": PIXEL, "group_link": 8.1}, ["1_10_10"] * 3 + ["2_11_10", "1_10_10", "1_10_10"]),
    ],
)
def test_groups_by_position(options, groups, folder):
    names = [*POSITIONS, *["c9p0_0v"] * 6]
    data, _ = folder.archive(stamps=BOTH, y=LABELS, name=names).read(group=["name"], **options)
    assert list(data.groups[:6]) == groups


def test_names_without_a_position_are_rejected(folder):
    names = [*POSITIONS, *["somewhere"] * 6]
    _, rejected = folder.archive(stamps=BOTH, y=LABELS, name=names).read(
        group=["name"], group_pattern=PIXEL, group_link=1
    )
    assert [(row, reason) for row, _, reason in rejected] == [(row, "no group") for row in range(6, 12)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": ["a"], "group_pattern": "("}, "no regular expression"),
        ({"group": ["a"], "group_pattern": "p(?P<x>.)", "group_link": 1.0}, "group_link needs a group_pattern"),
        ({"group_pattern": "p"}, "needs 'group'"),
        ({"classes": ["a"]}, "at least 2"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        decam.Options(**options)


def test_words_become_codes_that_the_description_tells(folder):
    kinds = ["sky", "ray", "", *["edge"] * 9]
    data, _ = folder.archive(stamps=BOTH, y=LABELS, kind=kinds).read()
    assert data.columns["scalar/kind"].description == "kind of stamps.npz: 0 edge, 1 ray, 2 sky"
    assert np.array_equal(data.scalars["kind"][:4], [2, 1, np.nan, 0], equal_nan=True)


def test_two_files_of_one_name_keep_both_digests(folder):
    for name, stamps in (("sources", SOURCES), ("noise", NOISE)):
        (folder.path / name).mkdir()
        folder.array(name, stamps, f"{name}/stamps")
    data, _ = folder.read()
    assert set(data.raw) == {"sources/stamps.npy", "noise/stamps.npy"}
    assert len(set(data.raw.values())) == 2


def test_same_files_same_bytes(folder):
    folder.archive(stamps=spoiled(), y=[0, 1, 0, 1, 0, 1, 0, 0, 1])
    folder.read()
    before = (folder.path / "d.h5").read_bytes()
    folder.read()
    assert (folder.path / "d.h5").read_bytes() == before


# --- real stamps -----------------------------------------------------------------------------------------------------


def test_real_kbmod_stamps(shared_data, folder):
    folder.raw["stamps"] = shared_data / "kbmod_stamps" / "kbmod_stamps_25x25.npz"
    options = {"id": "names", "group": ["names"], "group_pattern": PIXEL, "units": ""}
    data, rejected = folder.read(**options)
    assert (len(data), data.image_shape, rejected) == (453, (25, 25, 1), [])
    assert data.labels["class"].sum() == 28
    assert data.ids[0] == "c7p695_3017v329_118.tif"
    linked, _ = folder.read(**options, group_link=3.0)
    assert len(set(linked.groups)) == 30
    assert len(set(linked.groups[linked.labels["class"] == 1])) == 1  # all are one object


def test_real_ztf_stamps(shared_data, folder):
    folder.raw["stamps"] = shared_data / "ztf_alerts" / "stamps_21x21.npz"
    folder.raw["catalogue"] = shared_data / "ztf_alerts" / "alerts.csv"
    bands = ["science", "template", "difference"]
    data, rejected = folder.read(
        label="known_sso", id="candid", match="candid", group=["ssnamenr", "objectId"], scalars=["magpsf", "rb"],
        bands=bands,
    )  # fmt: skip
    assert (len(data), data.image_shape, rejected) == (534, (21, 21, 3), [])
    assert list(data.bands) == bands
    assert data.labels["class"].sum() == 160
    assert data.ids[0] == "697251920015010010"
    with np.load(folder.raw["stamps"]) as file:
        stamps = file["stamps"]
    bad = ~(np.abs(stamps) < 1e30)
    assert np.array_equal(data.scalars["n_masked"], bad.sum(axis=(1, 2, 3)))
    found = np.moveaxis(images(data), -1, 1)
    assert np.array_equal(found[~bad], stamps[~bad])
    assert np.abs(found).max() < 1e5
    assert data.scalars["magpsf"][0] == pytest.approx(14.28345299)
    with folder.raw["catalogue"].open() as stream:
        assert list(data.groups) == [row["ssnamenr"] or row["objectId"] for row in csv.DictReader(stream)]
