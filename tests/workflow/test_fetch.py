"""From a catalogue by way of an archive on this machine to a dataset, through Snakemake."""

import bz2
import csv

import numpy as np
import pytest

from skybake import files
from skybake.data.dataset import load_dataset
from tests.archive_server import Archive
from tests.workflow.conftest import Bakeoff

ROW = "{id},{run},301,{camcol},{field},{ra},{dec},0.{id}\n"
FIELDS = (11, 12, 13)


def frame(band, field):
    """Return a frame with an empty sky, which takes next to nothing, and the WCS of a field of its own."""
    cards = {
        "SIMPLE": True,
        "BITPIX": -32,
        "NAXIS": 2,
        "NAXIS1": 2048,
        "NAXIS2": 1489,
        "BUNIT": "nanomaggy",
        "RUN": 94,
        "CAMCOL": 1,
        "FILTER": band,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRPIX1": 1025.0,
        "CRPIX2": 745.0,
        "CRVAL1": float(field),
        "CRVAL2": 0.0,
        "CD1_1": 0.0,
        "CD1_2": 1.1e-4,
        "CD2_1": 1.1e-4,
        "CD2_2": 0.0,
        "CUNIT1": "deg",
        "CUNIT2": "deg",
    }
    from astropy.io.fits import Header

    header = Header(cards.items()).tostring().encode()
    pixels = np.zeros((1489, 2048), ">f4").tobytes()
    return bz2.compress(header + pixels + bytes(-len(pixels) % 2880))


def path_of(band, field):
    return f"301/94/1/frame-{band}-000094-1-{field:04d}.fits.bz2"


def write_catalogue(path, fields):
    rows = [
        ROW.format(id=100 * field + number, run=94, camcol=1, field=field, ra=field + 0.01 * number, dec=0.0)
        for field in fields
        for number in range(3)
    ]
    path.write_text(f"objID,run,rerun,camcol,field,ra,dec,redshift\n{''.join(rows)}")


def table(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def archive(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Archive() as server:
        server.files = {path_of(band, field): frame(band, field) for field in FIELDS for band in "ugriz"}
        yield server


def test_frames_come_from_the_archive_once_and_what_is_not_there_costs_its_field(archive, tmp_path):
    bakeoff = Bakeoff(tmp_path)
    write_catalogue(tmp_path / "catalogue.csv", FIELDS[:2])
    block = {
        "survey": "sdss",
        "raw": {"catalogue": "catalogue.csv", "frames": "frames"},
        "fetch": {"base_url": archive.url, "chunks": 2, "delay": 0, "backoff": 0.01, "attempts": 3},
    }
    config = {
        "datasets": {"galaxies": block},
        "bakeoffs": {"first": {"datasets": ["galaxies"], "models": ["simple_sequential"], "losses": ["mse"]}},
    }
    bakeoff.write(config)
    lost = path_of("g", 12)
    del archive.files[lost]
    archive.moods[path_of("u", 11)] = ["drops", "ok"]
    archive.moods[path_of("i", 12)] = ["garbage", 500, "ok"]
    rejected = "results/galaxies/rejected.csv"
    bakeoff.snakemake(rejected)

    rows = table(tmp_path / "results/galaxies/ledger.csv")
    ledger = {row["url"].removeprefix(f"{archive.url}/"): row for row in rows}
    assert sorted(ledger) == sorted(path_of(band, field) for field in FIELDS[:2] for band in "ugriz")
    assert [path for path, row in ledger.items() if row["status"] != "whole"] == [lost]
    assert (ledger[lost]["status"], ledger[lost]["reason"]) == ("missing", "404 Not Found")
    for path, row in ledger.items():
        if path != lost:
            assert (tmp_path / "frames" / path).read_bytes() == archive.files[path]
            assert row["sha256"] == files.file_digest(tmp_path / "frames" / path)
    assert {row["reason"] for row in table(tmp_path / rejected)} == {"missing frame"}
    assert [row["row"] for row in table(tmp_path / rejected)] == ["3", "4", "5"]
    assert list(load_dataset(tmp_path / "results/galaxies/dataset.h5").ids) == ["1100", "1101", "1102"]
    asked = archive.paths()
    assert {path: asked.count(path) for path in ledger if asked.count(path) > 1} == {
        path_of("u", 11): 2,
        path_of("i", 12): 3,
        lost: 2,
    }

    archive.forget()
    block["fetch"] |= {"connections": 1, "attempts": 5}  # other manners are no reason to do anything again
    bakeoff.write(config)
    assert bakeoff.jobs(rejected) == {}

    archive.files[lost] = frame("g", 12)
    write_catalogue(tmp_path / "catalogue.csv", FIELDS)  # one field more
    bakeoff.snakemake("results/galaxies/ledger.csv")
    assert sorted(archive.paths()) == sorted([lost, *(path_of(band, 13) for band in "ugriz")])
    assert {row["status"] for row in table(tmp_path / "results/galaxies/ledger.csv")} == {"whole"}
    assert "15 of 15 files are here" in (tmp_path / "results/logs/join_ledgers/galaxies.log").read_text()
