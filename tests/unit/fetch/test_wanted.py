"""What is wanted of an archive, and what is whole."""

import bz2
import csv
import re

import pytest
import yaml

from skybake.config import make_plan, messages
from skybake.fetch import sdss
from skybake.fetch.download import fetch
from skybake.fetch.ledger import join_ledgers, read_ledger, summary, write_ledger
from skybake.fetch.wanted import chunk_of, read_wanted, write_wanted
from skybake.fetch.whole import NotWholeError, check
from skybake.files import file_digest
from skybake.raw import sdss as reader
from tests.archive_server import fits_file, frame_file
from tests.conftest import ROOT
from tests.unit.fetch.archives import names, settings, wanted


@pytest.mark.parametrize(
    ("contents", "words", "resumable"),
    [
        (b"", "ends early", True),
        (b"BZ", "ends early", True),
        (frame_file(1)[:-1], "ends early", True),
        (frame_file(1) + b"x", "checksum", False),
        (frame_file(1) + b"<html>", "checksum", False),
        (b"<html></html>", "not bzip2", False),
        (bz2.compress(b"a table"), "not FITS", False),
        (bz2.compress(b""), "not FITS", False),
        (bz2.compress(fits_file()[:-1]), "not a multiple of 2880", False),
    ],
)
def test_what_is_not_whole_is_seen(contents, words, resumable, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(contents)
    with pytest.raises(NotWholeError, match=words) as error:
        check(path, "frame.fits.bz2")
    assert error.value.resumable == resumable


def test_whole_files_pass(tmp_path):
    path = tmp_path / "x"
    for name, contents in [
        ("a.fits.bz2", frame_file(1)),
        ("a.fits", fits_file(1)),
        ("a.fits.bz2", bz2.compress(fits_file(1)[:4000]) + bz2.compress(fits_file(1)[4000:])),  # pbzip2 writes such
        ("a.fits.bz2", bz2.compress(fits_file()[:2880] + bytes(2880 * 3000))),  # nothing but zeros
    ]:
        path.write_bytes(contents)
        check(path, name)
    path.write_bytes(fits_file(1)[:-1])
    with pytest.raises(NotWholeError, match="2880") as error:
        check(path, "a.fits")
    assert error.value.resumable


def test_every_file_is_wanted_once_and_stays_in_its_chunk(tmp_path):
    paths = names(200)
    write_wanted(tmp_path / "a.csv", [*paths[:100], *paths[:50]], base_url="https://example.org/f/", chunks=8)
    write_wanted(tmp_path / "b.csv", reversed(paths), base_url="https://example.org/f", chunks=8)
    before = {file.path: chunk for chunk in range(8) for file in read_wanted(tmp_path / "a.csv", chunk)}
    after = {file.path: chunk for chunk in range(8) for file in read_wanted(tmp_path / "b.csv", chunk)}
    assert sorted(before) == paths[:100]
    assert sorted(after) == paths
    assert before.items() <= after.items()
    assert sum(len(read_wanted(tmp_path / "b.csv", chunk)) for chunk in range(8)) == 200
    assert all(10 < list(after.values()).count(chunk) < 45 for chunk in range(8))
    assert read_wanted(tmp_path / "a.csv", before[paths[0]])[0].url.startswith("https://example.org/f/301/4510/4/")
    assert [chunk_of(path, 1) for path in paths[:3]] == [0, 0, 0]


ROWS = [
    ("1237662525769187516", 3712, 301, 4, 30, 0.1),
    ("1237662525769187517", 3712, 301, 4, 30, 0.2),
    ("1237662525769187518", 3712, 301, 4, 31, 0.2),
    ("1.23766E+18", 3712, 301, 4, 32, 0.2),  # rounded by a spreadsheet: cannot be used, needs no frame
    ("1237662525769187519", 3712, 301, 4, 33, float("nan")),  # no label: neither
    ("1237662525769187520", 94, 301, 1, 111, 0.3),
]


@pytest.mark.parametrize("kind", ["csv", "fits", "parquet"])
def test_the_archive_is_asked_for_five_frames_of_each_field(kind, tmp_path):
    import pandas as pd
    from astropy.table import Table

    table = pd.DataFrame(ROWS, columns=["objID", "run", "rerun", "camcol", "field", "redshift"])
    table["ra"], table["dec"] = 150.0, 2.0
    path = tmp_path / f"catalogue.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        Table.from_pandas(table).write(path)
    paths = sdss.archive_paths({"catalogue": path, "frames": tmp_path}, reader.Options())
    places = [("3712", 4, 30), ("3712", 4, 31), ("94", 1, 111)]
    assert paths == sorted(
        f"301/{run}/{camcol}/frame-{band}-{int(run):06d}-{camcol}-{field:04d}.fits.bz2"
        for run, camcol, field in places
        for band in "ugriz"
    )


def test_a_catalogue_without_rerun_means_that_of_all_frames(tmp_path):
    path = tmp_path / "catalogue.csv"
    path.write_text("objID,run,camcol,field,ra,dec,redshift\n1237662525769187516,3712,4,30,150,2,0.1\n")
    assert sdss.archive_paths({"catalogue": path}, reader.Options())[0].startswith("301/3712/4/frame-g-003712-4-0030")


def test_the_ledger_is_the_same_however_the_files_came(archive, tmp_path):
    paths = names(6)
    archive.files = {path: frame_file(seed) for seed, path in enumerate(paths[:5])}
    ledgers = []
    for run, moods in enumerate((["ok"], [500, "drops", "ok"])):
        archive.moods.clear()
        archive.moods[paths[2]] = list(moods)
        entries = fetch(wanted(archive, *paths[:3]), tmp_path / str(run), settings(archive))
        write_ledger(tmp_path / f"{run}-1.csv", entries)
        entries = fetch(wanted(archive, *paths[3:]), tmp_path / str(run), settings(archive))
        write_ledger(tmp_path / f"{run}-0.csv", entries)
        text = join_ledgers([tmp_path / f"{run}-1.csv", tmp_path / f"{run}-0.csv"], tmp_path / f"{run}.csv")
        assert "5 of 6 files are here" in text
        assert "1 missing: 404 Not Found" in text
        assert "--forcerun fetch" in text
        ledgers.append((tmp_path / f"{run}.csv").read_bytes())
    assert ledgers[0] == ledgers[1]
    with (tmp_path / "0.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["url", "size", "sha256", "status", "reason"]
    assert [row["url"] for row in rows] == [f"{archive.url}/{path}" for path in paths]
    assert rows[0]["sha256"] == file_digest(tmp_path / "0" / paths[0])
    assert "Hint" not in summary(read_ledger(tmp_path / "0-1.csv"))


def test_the_query_gives_what_the_config_needs(tmp_path):
    """Column names of configs/sdss_dr17.sql as a CSV header: the reader must find all its parts in it."""
    from skybake.raw.sdss.catalogue import read_catalogue

    text = re.sub(r"--.*", "", (ROOT / "configs/sdss_dr17.sql").read_text())
    columns = re.search(r"SELECT(.*?)INTO", text, re.DOTALL).group(1).split(",")
    header = [re.split(r"\s+AS\s+|\.", column.strip())[-1] for column in columns]
    path = tmp_path / "catalogue.csv"
    path.write_text(f"{','.join(header)}\n{','.join(['1'] * len(header))}\n")
    block = yaml.safe_load((ROOT / "configs/sdss.yaml").read_text())["datasets"]["sdss_dr17"]
    found, _ = read_catalogue(path, block["options"]["label"], None)
    assert (found.label, found.label_error, found.id) == ("redshift", "redshiftErr", "objID")
    assert (found.run, found.rerun, found.camcol, found.field) == ("run", "rerun", "camcol", "field")
    assert set(block["inputs"]) <= {*found.scalars, *found.derived}
    assert {f"{name}_{band}" for name in ("cModelMag", "extinction") for band in "ugriz"} <= set(found.scalars)


@pytest.fixture
def given(tmp_path):
    """A valid config whose frames are to be fetched."""
    (tmp_path / "catalogue.csv").touch()
    raw = {"catalogue": str(tmp_path / "catalogue.csv"), "frames": str(tmp_path / "nowhere")}
    block = {"survey": "sdss", "raw": raw, "fetch": {"base_url": "https://example.org/frames"}}
    bakeoff = {"datasets": ["galaxies"], "models": ["simple_sequential"], "losses": ["mse"]}
    return {"datasets": {"galaxies": block}, "bakeoffs": {"first": bakeoff}}


def test_the_folder_to_fill_need_not_be_there(given, tmp_path):
    plan = make_plan(given)
    catalogue = {"catalogue": str(tmp_path / "catalogue.csv")}
    assert plan.raw_inputs("galaxies") == {**catalogue, "ledger": "results/galaxies/ledger.csv"}
    assert plan.listed_in("galaxies") == catalogue
    assert plan.raw_files("galaxies") == {"catalogue": ""}
    assert plan.ledgers("galaxies")[-1] == "results/galaxies/fetch/ledger-003.csv"
    assert plan.fetched("galaxies") == {"frames": str(tmp_path / "nowhere")}
    del given["datasets"]["galaxies"]["fetch"]
    with pytest.raises(messages.ConfigError, match=r"raw\.frames: no file"):
        make_plan(given)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fetch": {"base_url": "ftp://example.org"}}, ["fetch.base_url", "'ftp://example.org' found"]),
        ({"fetch": {}}, ["fetch.base_url: missing"]),
        ({"fetch": {"base_url": "https://x.org", "chunk": 3}}, ["fetch.chunk", "Did you mean 'chunks'?"]),
        ({"raw": None, "mock": {}}, ["'fetch' goes with 'raw'"]),
        ({"survey": "efeds", "raw": {}}, ["fetch: no archive is known for the survey 'efeds'; known: sdss"]),
    ],
)
def test_a_wrong_fetch_block_is_refused(changes, words, given):
    given["datasets"]["galaxies"] |= changes
    with pytest.raises(messages.ConfigError) as error:
        make_plan(given)
    for word in words:
        assert word in str(error.value)
