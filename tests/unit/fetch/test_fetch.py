"""Fetching from an archive that drops connections, truncates, refuses, stalls and lies; all of it on this machine."""

import bz2
import csv
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from skybake.config import make_plan, messages
from skybake.fetch import Fetch, sdss
from skybake.fetch.download import ServerError, fetch
from skybake.fetch.ledger import NOTES, join_ledgers, read_ledger, summary, write_ledger
from skybake.fetch.wanted import Wanted, chunk_of, read_wanted, write_wanted
from skybake.fetch.whole import NotWholeError, check
from skybake.files import file_digest
from skybake.raw import sdss as reader
from tests.archive_server import LONGEST_STALL, Archive, fits_file, frame_file
from tests.conftest import ROOT

PATH = "301/4510/4/frame-r-004510-4-0030.fits.bz2"
BIG = 60  # blocks of 2,880 bytes: large enough to be sent in pieces


@pytest.fixture
def archive(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Archive() as server:
        yield server


def settings(archive, **changes):
    quick = {"delay": 0, "backoff": 0.01, "read_timeout": 0.4, "connect_timeout": 2, "attempt_timeout": 1.0}
    return Fetch(base_url=archive.url, **{**quick, **changes})


def wanted(archive, *paths):
    return [Wanted(path, f"{archive.url}/{path}") for path in paths]


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError("not within 30 s")


def names(number):
    return [f"301/4510/4/frame-r-004510-4-{field:04d}.fits.bz2" for field in range(number)]


# What the archive does before it gives the file, and how many requests it takes then.
OBTAINABLE = {
    "well": (["ok"], 1),
    "drops midway": (["drops", "drops", "ok"], 3),
    "drops and ignores ranges": (["drops and ignores ranges", "drops and ignores ranges", "ignores ranges"], 3),
    "vanishes": (["vanishes", "vanishes", "ok"], 3),
    "truncates once": (["truncates", "ok"], 2),
    "truncates once, then ignores ranges": (["truncates", "ignores ranges"], 2),
    "damages once": (["damages", "ok"], 2),
    "garbage once": (["garbage", "ok"], 2),
    "garbage after a drop": (["drops", "garbage", "ok"], 3),
    "no length": (["no length"], 1),
    "no length and drops": (["no length and drops", "ok"], 2),
    "in chunks": (["in chunks"], 1),
    "stalls midway": (["stalls", "ok"], 2),
    "silent": (["is silent", "ok"], 2),
    "trickles": (["trickles", "ok"], 2),
    "wrong range": (["drops", "wrong range", "ok"], 3),
    "500": ([500, 503, 502, "ok"], 4),
    "429": ([(429, 0), (429, "Wed, 21 Oct 2015 07:28:00 GMT"), "ok"], 3),
    "429 without a word": ([429, (503, "soon"), "ok"], 3),
    "404 of a mirror out of step": ([404, "ok"], 2),
}


@pytest.mark.parametrize("case", OBTAINABLE)
def test_every_obtainable_file_arrives_whole(case, archive, tmp_path):
    moods, requests = OBTAINABLE[case]
    archive.files[PATH] = frame_file(1, BIG)
    archive.moods[PATH] = list(moods)
    started = time.monotonic()
    [entry] = fetch(wanted(archive, PATH), tmp_path, settings(archive))
    assert time.monotonic() - started < 0.7 * LONGEST_STALL
    assert (entry.status, entry.reason) == ("whole", "")
    assert (tmp_path / PATH).read_bytes() == archive.files[PATH]
    assert (entry.size, entry.sha256) == (len(archive.files[PATH]), file_digest(tmp_path / PATH))
    assert len(archive.requests) == requests
    assert sorted(path.name for path in (tmp_path / PATH).parent.iterdir()) == sorted([NOTES, PATH.split("/")[-1]])


UNOBTAINABLE = {
    "not there": ([404], "404 Not Found", 2),
    "forbidden": ([403], "403 Forbidden", 2),
    "gone": ([410], "410 Gone", 2),
    "server error": ([500], "500 Internal Server Error", 4),
    "overloaded": ([(429, 0)], "429 Too Many Requests", 4),
    "always vanishes": (["vanishes"], "the connection was lost", 4),
    "always truncates": (["truncates"], "truncated: the bzip2 stream ends early", 4),
    "always damages": (["damages"], "damaged: a checksum of the bzip2 stream does not fit", 4),
    "always garbage": (["garbage"], "not bzip2: begins with b'<html>down f'", 4),
    "always silent": (["is silent"], "no answer within 0.2 s", 4),
    "drops at once": ([("drops", 0)], "the connection was lost", 4),
    "always stalls": ([("stalls", 0)], "the transfer stalled for 0.2 s", 4),
    "always trickles": (["trickles"], "not done within 1 s", 4),
    "redirects in a circle": (["redirects to itself"], "the request failed (TooManyRedirects)", 12),
}


@pytest.mark.parametrize("case", UNOBTAINABLE)
def test_the_rest_stands_in_the_ledger_with_the_reason(case, archive, tmp_path):
    moods, reason, requests = UNOBTAINABLE[case]
    archive.files[PATH] = frame_file(1, 8)
    archive.moods[PATH] = list(moods)
    if case == "always truncates":  # whatever is asked for: a cache with half of the file
        archive.files[PATH] = archive.files[PATH][: len(archive.files[PATH]) // 2]
        archive.moods[PATH] = ["ok"]
    [entry] = fetch(wanted(archive, PATH), tmp_path, settings(archive, attempts=4, read_timeout=0.2))
    assert (entry.status, entry.reason, entry.size, entry.sha256) == ("missing", reason, "", "")
    assert len([place for place in archive.requests if not place[1]]) <= requests
    assert len(archive.requests) <= 2 * requests
    assert not (tmp_path / PATH).exists()


def test_among_many_files_the_bad_ones_harm_no_other(archive, tmp_path):
    paths = names(24)
    archive.files = {path: frame_file(seed, 10) for seed, path in enumerate(paths)}
    moods = ["drops", "truncates", 500, (429, 0), "garbage", "damages", "vanishes", "stalls"]
    for place, mood in enumerate(moods):
        archive.moods[paths[place]] = [mood, "ok"]
        archive.moods[paths[place + 8]] = [mood] if mood not in ("drops", "truncates", "stalls") else [404]
    entries = fetch(wanted(archive, *paths), tmp_path, settings(archive, attempts=3), connections=4)
    assert [entry.status for entry in entries] == ["whole"] * 8 + ["missing"] * 8 + ["whole"] * 8
    assert all(entry.reason for entry in entries[8:16])
    for path in [*paths[:8], *paths[16:]]:
        assert (tmp_path / path).read_bytes() == archive.files[path]
    assert all(archive.paths().count(path) == 1 for path in paths[16:])
    archive.forget()
    again = fetch(wanted(archive, *paths), tmp_path, settings(archive, attempts=1), connections=4)
    assert {path for path in archive.paths()} == set(paths[8:16])  # the missing ones, and no other
    assert [entry.status for entry in again] == [entry.status for entry in entries]


def test_a_broken_transfer_goes_on_where_it_broke(archive, tmp_path):
    archive.files[PATH] = frame_file(1, BIG)
    size = len(archive.files[PATH])
    archive.moods[PATH] = ["drops", "stalls", "ok"]
    fetch(wanted(archive, PATH), tmp_path, settings(archive))
    first = size // 2
    second = first + (size - first) // 2
    assert [byte_range for _, byte_range in archive.requests] == ["", f"bytes={first}-", f"bytes={second}-"]
    assert archive.sent == size


def test_as_long_as_more_arrives_it_is_not_given_up(archive, tmp_path):
    archive.files[PATH] = frame_file(1, 400)  # 1.2 MB
    archive.moods[PATH] = [("drops", 0.2)] * 5 + ["ok"]
    [entry] = fetch(wanted(archive, PATH), tmp_path, settings(archive, attempts=2))
    assert entry.status == "whole"
    assert len(archive.requests) == 6


def test_a_part_of_another_version_is_thrown_away(archive, tmp_path):
    archive.files[PATH] = frame_file(1, BIG)
    part = tmp_path / f"{PATH}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(frame_file(2, BIG)[: BIG * 1000])
    [entry] = fetch(wanted(archive, PATH), tmp_path, settings(archive))
    assert entry.status == "whole"
    assert (tmp_path / PATH).read_bytes() == archive.files[PATH]
    assert [byte_range for _, byte_range in archive.requests] == [f"bytes={BIG * 1000}-", ""]


def test_a_part_that_is_whole_needs_no_request(archive, tmp_path):
    archive.files[PATH] = frame_file(1)
    part = tmp_path / f"{PATH}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(archive.files[PATH])
    [entry] = fetch(wanted(archive, PATH), tmp_path, settings(archive))
    assert entry.status == "whole"
    assert not archive.requests
    assert not part.exists()


JOB = """
import resource, sys
from skybake.fetch import Fetch
from skybake.fetch.download import fetch
from skybake.fetch.wanted import Wanted
url, folder, *paths = sys.argv[1:]
files = [Wanted(path, f"{url}/{path}") for path in paths]
fetch(files, folder, Fetch(base_url=url, delay=0, read_timeout=30, backoff=30), connections=1)
"""


def test_a_killed_job_leaves_nothing_that_looks_whole_and_the_next_goes_on(archive, tmp_path):
    paths = names(3)
    archive.files = {path: frame_file(seed, BIG) for seed, path in enumerate(paths)}
    archive.moods[paths[1]] = ["stalls", "ok"]
    process = subprocess.Popen([sys.executable, "-c", JOB, archive.url, str(tmp_path), *paths], cwd=ROOT)
    part, half = tmp_path / f"{paths[1]}.part", len(archive.files[paths[1]]) // 2
    try:
        wait_until(lambda: part.exists() and part.stat().st_size >= half - 8192)
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / paths[0]).exists()
    assert not (tmp_path / paths[1]).exists()
    begun = part.stat().st_size
    assert 0 < begun <= half
    archive.forget()
    entries = fetch(wanted(archive, *paths), tmp_path, settings(archive), connections=1)
    assert [entry.status for entry in entries] == ["whole"] * 3
    assert archive.requests == [(paths[1], f"bytes={begun}-"), (paths[2], "")]
    assert all((tmp_path / path).read_bytes() == archive.files[path] for path in paths)


def test_a_second_run_requests_nothing(archive, tmp_path):
    paths = names(4)
    archive.files = {path: frame_file(seed) for seed, path in enumerate(paths)}
    first = fetch(wanted(archive, *paths), tmp_path, settings(archive))
    archive.forget()
    assert fetch(wanted(archive, *paths), tmp_path, settings(archive)) == first
    for notes in tmp_path.rglob(NOTES):  # without notes every file is read to its end
        notes.unlink()
    assert fetch(wanted(archive, *paths), tmp_path, settings(archive)) == first
    for notes in tmp_path.rglob(NOTES):  # as a full disk may leave them
        notes.write_bytes(notes.read_bytes()[:-40] + b"\nx\n,,\n\xff,1,2\n")
    assert fetch(wanted(archive, *paths), tmp_path, settings(archive)) == first
    assert not archive.requests


SPOILT = {"cut": lambda data: data[:-5], "empty": lambda _: b"", "flipped": lambda data: data[:400] + b"x" + data[401:]}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_here_but_not_whole_is_fetched_again(spoil, archive, tmp_path):
    archive.files[PATH] = frame_file(1)
    fetch(wanted(archive, PATH), tmp_path, settings(archive))
    (tmp_path / PATH).write_bytes(spoil(archive.files[PATH]))
    fetch(wanted(archive, PATH), tmp_path, settings(archive))
    assert (tmp_path / PATH).read_bytes() == archive.files[PATH]
    assert len(archive.requests) == 2


def test_two_jobs_that_want_the_same_files_fetch_each_once(archive, tmp_path):
    paths = names(6)
    archive.files = {path: frame_file(seed) for seed, path in enumerate(paths)}
    for path in paths:
        archive.moods[path] = [("slow", 0.1)]
    with ThreadPoolExecutor(3) as jobs:
        done = list(jobs.map(lambda _: fetch(wanted(archive, *paths), tmp_path, settings(archive)), range(3)))
    assert done[0] == done[1] == done[2]
    assert sorted(archive.paths()) == paths
    assert not list(tmp_path.rglob("*.part"))


def test_no_server_ends_the_job_at_once_and_not_file_by_file(archive, tmp_path):
    with Archive() as gone:
        url = gone.url
    quick = Fetch(base_url=url, delay=0, backoff=0.05, attempts=3)
    files = [Wanted(path, f"{url}/{path}") for path in names(50)]
    started = time.monotonic()
    with pytest.raises(ServerError, match=r"no connection to the server(.|\n)*base_url"):
        fetch(files, tmp_path, quick)
    assert time.monotonic() - started < 3
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_server_that_asks_for_a_long_pause_is_left_alone(archive, tmp_path):
    paths = names(30)
    archive.files = {path: frame_file(seed) for seed, path in enumerate(paths)}
    archive.moods[paths[3]] = [(429, 3600)]
    with pytest.raises(ServerError, match=r"429 Too Many Requests; the server asks for a pause of 3600 s"):
        fetch(wanted(archive, *paths), tmp_path, settings(archive), connections=2)
    assert len(archive.requests) <= 6
    archive.moods.clear()
    asked = set(archive.paths()) - {paths[3]}
    archive.forget()
    assert {entry.status for entry in fetch(wanted(archive, *paths), tmp_path, settings(archive))} == {"whole"}
    assert set(archive.paths()) == set(paths) - asked


def test_a_pause_asked_for_holds_for_all_connections(archive, tmp_path):
    paths = names(6)
    archive.files = {path: frame_file(seed) for seed, path in enumerate(paths)}
    archive.moods[paths[0]] = [(429, 1), "ok"]
    archive.moods[paths[1]] = [("slow", 0.2)]
    fetch(wanted(archive, *paths), tmp_path, settings(archive), connections=2)
    later = [when - archive.times[0] for when in archive.times[2:]]
    assert min(later) > 0.9


def test_connections_and_delay_are_kept(archive, tmp_path):
    paths = names(8)
    archive.files = {path: frame_file(seed) for seed, path in enumerate(paths)}
    for path in paths:
        archive.moods[path] = [("slow", 0.15)]
    fetch(wanted(archive, *paths), tmp_path, settings(archive, connections=3))
    assert archive.most == 3
    archive.forget()
    others = [path.replace("frame-r", "frame-g") for path in paths[:5]]
    archive.files |= {path: frame_file(9) for path in others}
    fetch(wanted(archive, *others), tmp_path, settings(archive, connections=3, delay=0.1))
    assert all(after - before > 0.09 for before, after in zip(archive.times, archive.times[1:], strict=False))


def test_pauses_double_and_have_an_end(archive, tmp_path):
    archive.moods[PATH] = [500]
    fetch(wanted(archive, PATH), tmp_path, settings(archive, attempts=5, backoff=0.1, longest_pause=0.25))
    pauses = [after - before for before, after in zip(archive.times, archive.times[1:], strict=False)]
    assert [round(pause, 1) for pause in pauses] == pytest.approx([0.1, 0.2, 0.2, 0.2], abs=0.11)
    assert all(pause >= least for pause, least in zip(pauses, [0.1, 0.2, 0.25, 0.25], strict=True))


def test_a_full_disk_is_no_fault_of_the_archive(archive, tmp_path):
    archive.files[PATH] = frame_file(1, BIG)
    job = JOB.replace("url, folder", "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\nurl, folder", 1)
    command = [sys.executable, "-c", job, archive.url, str(tmp_path), PATH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OSError: [Errno 27] File too large" in done.stderr.splitlines()
    assert len(archive.requests) == 1


def test_an_interrupted_job_does_not_sit_out_its_pauses(archive, tmp_path):
    archive.moods[PATH] = [500]
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, archive.url, str(tmp_path), PATH],
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    wait_until(lambda: archive.requests)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)  # within a pause of 30 seconds
    assert process.wait(timeout=25) != 0


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
