"""The contract of readers, over all of them; and the common pass, on a reader of a few lines."""

import ast
import csv
import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from skybake import plugins
from skybake.data.columns import Column, DatasetError, Schema, class_column
from skybake.data.dataset import load_dataset
from skybake.data.rejections import Rejection
from skybake.inputs import NO_INPUTS, Inputs
from skybake.raw import Batch, Reading
from skybake.raw.ingest import ingest
from skybake.raw.sdss.columns import scalar_column
from skybake.settings import Settings
from tests.unit.raw.cutouts_files import N, pixels, table, write_csv, write_fits, write_frame
from tests.unit.raw.test_cifar import NAMES, batch, python_2

READERS, SIMULATORS = plugins.in_room("raw", "read"), plugins.in_room("mock", "simulate")
SMALL = {
    "decam": {"n_sources": 70, "n_noise": 60},
    "efeds": {"n_clusters": 20},
    "sdss": {"n_objects": 6, "objects_per_field": 3, "stars_per_field": 10, "neighbours_per_field": 5, "compress": 1},
}


def simulated(survey, folder):
    """Write raw files of a survey; return them and how many objects they are."""
    folder.mkdir()
    if survey == "cifar":  # as Python 2 wrote them, which no simulator does
        labels = [0, 1, 2, 7, 1]
        (folder / "data_batch_1").write_bytes(python_2(batch(5, 1, "training batch 1 of 1", labels=labels)))
        (folder / "test_batch").write_bytes(python_2(batch(4, 2)))
        (folder / "batches.meta").write_bytes(python_2({"label_names": NAMES}))
        return {"batches": folder}, 9
    if survey == "cutouts":  # of no simulator either
        write_fits(folder / "images", pixels())
        catalogue = write_csv(folder / "catalogue.csv", table().rename(columns={"size": "label"}))
        return {"images": folder / "images", "catalogue": catalogue}, len(table())
    if survey == "frames":
        write_frame(folder / "frames" / "tile.fits", 10.0, -5.0)
        places = {"ra": 10 + np.arange(N) / 3600, "dec": -5 + np.arange(N) / 3600}
        catalogue = write_csv(folder / "catalogue.csv", table().assign(**places).rename(columns={"size": "label"}))
        return {"frames": folder / "frames", "catalogue": catalogue}, len(table())
    mock = SIMULATORS[survey].load()
    raw = {name: folder / file for name, file in mock.RAW_FILES.items()}
    mock.simulate(raw, mock.Options(**SMALL[survey]))
    if survey == "efeds":
        return raw, SMALL[survey]["n_clusters"]
    return raw, len(raw["catalogue"].read_text().splitlines()) - 1


@pytest.fixture(scope="module", params=sorted(READERS))
def survey(request, tmp_path_factory):
    """A survey, its raw files, their number of objects, and its datasets read by one process and by two."""
    folder = tmp_path_factory.mktemp(request.param)
    raw, rows = simulated(request.param, folder / "raw")
    reader = READERS[request.param].load()
    for threads in (1, 2):
        out = folder / str(threads)
        settings = {"mock": request.param in SIMULATORS, "threads": threads}
        ingest(reader, raw, out / "dataset.h5", out / "rejected.csv", reader.Options(), **settings)
    return SimpleNamespace(name=request.param, reader=reader, raw=raw, rows=rows, folder=folder)


def test_a_reader_has_what_the_contract_asks(survey):
    reader = survey.reader
    assert issubclass(reader.Options, Settings)
    assert reader.TASK in ("regression", "classification")
    assert all(isinstance(text, str) and text for text in reader.RAW.values())
    assert {name for form in getattr(reader, "RAW_FORMS", ()) for name in form} <= set(reader.RAW)
    label = reader.label_name(reader.Options()) if hasattr(reader, "label_name") else reader.LABEL
    data = load_dataset(survey.folder / "1/dataset.h5")
    assert label in data.labels
    assert set(READERS[survey.name].constants["INPUTS"]) <= set(data.scalars)
    assert (data.survey, data.task, data.mock) == (survey.name, reader.TASK, survey.name in SIMULATORS)


def test_each_raw_object_is_accepted_or_rejected(survey):
    data = load_dataset(survey.folder / "1/dataset.h5")
    with (survey.folder / "1/rejected.csv").open(newline="") as stream:
        rejected = [int(row["row"]) for row in csv.DictReader(stream)]
    assert len(data) > 0
    assert len(data) + len(rejected) == survey.rows
    assert sorted(set(rejected)) == rejected


def test_one_process_and_two_write_the_same_bytes(survey):
    for file in ("dataset.h5", "rejected.csv"):
        assert (survey.folder / "1" / file).read_bytes() == (survey.folder / "2" / file).read_bytes()


def test_the_dataset_tells_the_digests_of_its_raw_files(survey):
    found = load_dataset(survey.folder / "1/dataset.h5").raw
    assert found
    for path in survey.raw.values():
        if path.is_file():
            assert found[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            assert f"{path.name}/" in found or {item.name for item in path.iterdir()} <= set(found)


def test_no_reader_does_what_the_common_pass_does():
    room = plugins.PACKAGE / "raw"
    for path in room.rglob("*.py"):
        if path == room / "ingest.py":
            continue
        imported = [node for node in ast.walk(plugins.syntax_tree(path)) if isinstance(node, ast.ImportFrom)]
        names = {f"{node.module}.{alias.name}" for node in imported for alias in node.names}
        for name in ("skybake.data.writer", "skybake.data.rejections.write_rejected", "skybake.files.atomic_write"):
            assert not any(item.startswith(name) for item in names), (path, name)


SCHEMA = Schema(
    bands=["r"],
    image=Column("counts", "pixels"),
    labels={"mass": Column("Msun", "a mass", "mass", outlier=1.0)},
    scalars={"size": Column("pixels", "a size"), "flux": Column("counts", "a flux")},
)


def some(rows, **others):
    """Return a batch of catalogue rows, whose pixels and numbers are the row's."""
    rows = np.array(rows, dtype=int)
    values = rows.astype(float)
    image = np.broadcast_to(values[:, None, None, None], (len(rows), 2, 2, 1)).copy()
    names = [f"o{row}" for row in rows]
    return Batch(rows, image, names, names, {"mass": values}, {"size": values, "flux": values}, **others)


def run(tmp_path, batches, rows, raw=None, expected=NO_INPUTS, **others):
    reading = Reading(SCHEMA, rows=rows, batches=batches, **others)
    reader = SimpleNamespace(__name__="skybake.raw.toy", TASK="regression", read=lambda raw, options, threads: reading)
    out, rejected = tmp_path / "dataset.h5", tmp_path / "rejected.csv"
    ingest(reader, raw or {}, out, rejected, Settings(), mock=False, expected=expected, asked_by="datasets.a")
    return load_dataset(out), rejected.read_text().splitlines()[1:]


def test_batches_of_any_size_make_one_dataset(tmp_path):
    parts = np.split(np.arange(300), [1, 2, 2, 130, 131])
    data, rejected = run(tmp_path, map(some, parts), 300)
    assert rejected == []
    assert data.ids.tolist() == [f"o{row}" for row in range(300)]
    assert (data.labels["mass"] == np.arange(300)).all()
    assert (data.images(np.arange(300))[:, 0, 0, 0] == np.arange(300)).all()
    assert (data.survey, data.task) == ("toy", "regression")


@pytest.mark.parametrize(
    ("batches", "rejected", "said"),
    [
        ([[0, 1, 3]], [], r"survey toy: row 2 is 0 times in the dataset .*expected once, as each of 4 rows"),
        ([[0, 1], [2, 3]], [3], r"row 3 is 2 times"),
        ([[0, 1, 2]], [3, 3], r"row 3 is 2 times"),
    ],
)
def test_a_row_that_is_lost_or_stands_twice_is_refused(tmp_path, batches, rejected, said):
    with pytest.raises(DatasetError, match=said):
        run(tmp_path, map(some, batches), 4, rejections=[Rejection(row, f"o{row}", "bad") for row in rejected])
    assert not (tmp_path / "dataset.h5").exists()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_same_pixels_of_two_classes_are_rejected_in_every_reader(tmp_path, task):
    """What was accepted before the other class was seen is taken back; objects of one class stay."""
    label = class_column(("star", "galaxy")) if task == "classification" else SCHEMA.labels["mass"]
    schema = replace(SCHEMA, labels={"mass": label})

    def read(raw, options, threads):
        batches = [some([0, 1, 2]), some([3, 4, 5])]
        for item, labels in zip(batches, ([0, 1, 0], [1, 1, 1]), strict=True):
            item.labels["mass"] = np.array(labels, dtype=float)
        batches[1].image[2], batches[1].image[0] = batches[0].image[0], batches[0].image[1]  # 5 as 0, 3 as 1
        return Reading(schema, rows=6, batches=iter(batches))

    reader = SimpleNamespace(__name__="skybake.raw.toy", TASK=task, read=read)
    out, rejected = tmp_path / "dataset.h5", tmp_path / "rejected.csv"
    ingest(reader, {}, out, rejected, Settings(), mock=False, asked_by="datasets.a")
    if task == "regression":
        assert len(load_dataset(out)) == 6
        return
    assert load_dataset(out).ids.tolist() == ["o1", "o2", "o3", "o4"]
    assert rejected.read_text().splitlines()[1:] == [
        '0,o0,labels disagree,"star, with the same pixels as o5, which is galaxy"',
        '5,o5,labels disagree,"galaxy, with the same pixels as o0, which is star"',
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_objects_with_bad_pixels_are_rejected(tmp_path, value):
    batch = some([0, 1, 2])
    batch.image[1, 0, :, 0] = value
    data, rejected = run(tmp_path, [batch], 3)
    assert data.ids.tolist() == ["o0", "o2"]
    assert rejected == ["1,o1,image not finite,2 pixels"]


def test_without_an_object_the_rejections_are_written_all_the_same(tmp_path):
    with pytest.raises(DatasetError, match="no object was accepted"):
        run(tmp_path, [some([], rejections=[Rejection(1, "b", "late")])], 2, rejections=[Rejection(0, "a", "early")])
    assert (tmp_path / "rejected.csv").read_text().splitlines()[1:] == ["0,a,early,", "1,b,late,"]


def test_expected_scalars_are_asked_before_an_object_is_read(tmp_path):
    def never():
        raise AssertionError("read")
        yield

    with pytest.raises(DatasetError, match=r"datasets\.a\.inputs: no scalar 'sizes'.*Did you mean 'size'"):
        run(tmp_path, never(), 1, expected=Inputs(("flux", "sizes")))


def test_counts_and_digests_of_batches_add_up(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_bytes(b"one")
    batches = [
        some([row], counts={"merged": row}, digests={"frames": {name: name * 2}}) for row, name in enumerate("ba")
    ]
    data, _ = run(
        tmp_path,
        batches,
        2,
        raw={"table": tmp_path / "in/file", "frames": tmp_path / "in"},
        digests={"spectra": {"s": "t"}},
    )
    assert data.notes["merged"] == 1
    assert data.raw == {
        "file": hashlib.sha256(b"one").hexdigest(),
        "frames/": hashlib.sha256(b"aa  a\nbb  b\n").hexdigest(),
        "spectra/": hashlib.sha256(b"t  s\n").hexdigest(),
    }


def test_files_of_one_name_keep_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Path(tmp_path / folder / "stamps.npy").write_text(folder)
    data, _ = run(tmp_path, [some([0])], 1, raw={name: tmp_path / name / "stamps.npy" for name in "ab"})
    assert sorted(data.raw) == ["a/stamps.npy", "b/stamps.npy"]


WHAT = {
    "cifar": {"label/class": ("class", ""), "scalar/official_test": ("official_test", "")},
    "decam": {
        "label/class": ("class", ""),
        "scalar/snr": ("signal_to_noise", ""),
        "scalar/n_masked": ("count", ""),
        "scalar/kind": ("other", ""),
    },
    "cutouts": {"label/label": ("other", ""), "scalar/n_masked": ("count", "")},
    "frames": {"label/label": ("other", ""), "scalar/ra": ("right_ascension", "")},
    "efeds": {"label/log10_mass": ("mass", ""), "scalar/redshift": ("redshift", "")},
    "sdss": {
        "label/redshift": ("redshift", ""),
        "scalar/ra": ("right_ascension", ""),
        "scalar/dec": ("declination", ""),
        "scalar/cModelMag_g": ("magnitude", "g"),
        "scalar/cModelMag_dered_z": ("dereddened_magnitude", "z"),
        "scalar/extinction_u": ("extinction", "u"),
        "scalar/g-r": ("colour", ""),
        "scalar/padded_fraction": ("padded_fraction", ""),
    },
}
ERRORS = {
    "cutouts": ("predicted - true", 3.5),  # the spread of the labels
    "frames": ("predicted - true", 3.5),
    "efeds": ("predicted - true", 0.3),
    "sdss": ("(predicted - true) / (1 + true)", 0.05),
}


def test_columns_say_what_they_are(survey):
    data = load_dataset(survey.folder / "1/dataset.h5")
    found = {name: (column.kind, column.band) for name, column in data.columns.items()}
    assert found.items() >= WHAT[survey.name].items()
    label = data.columns[f"label/{data.label}"]
    if data.task == "regression":
        assert (label.error, label.outlier) == ERRORS[survey.name]
    else:
        assert len(label.classes) >= 2
    if survey.name == "sdss":
        assert [name for name, column in data.columns.items() if column.preferred] == ["scalar/cModelMag_dered_r"]


@pytest.mark.parametrize(
    ("name", "kind", "band", "units"),
    [
        ("psfMag_r", "magnitude", "r", "mag"),
        ("z", "magnitude", "z", "mag"),
        ("dered_i", "dereddened_magnitude", "i", "mag"),
        ("psfFlux_u", "flux", "u", "nanomaggy"),
        ("cModelMagErr_r", "uncertainty", "r", "mag"),
        ("redshift", "redshift", "", ""),
        ("redshift_err", "uncertainty", "", ""),
        ("i-z", "colour", "", "mag"),
        ("u-z", "other", "", ""),
        ("image_r", "other", "r", ""),
    ],
)
def test_columns_of_sdss_are_told_by_its_own_names(name, kind, band, units):
    column = scalar_column(name, "")
    assert (column.kind, column.band, column.units) == (kind, band, units)
