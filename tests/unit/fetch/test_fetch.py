import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from skybake.fetch import Fetch
from skybake.fetch.download import ServerError, fetch
from skybake.fetch.ledger import NOTES
from skybake.fetch.wanted import Wanted
from skybake.files import file_digest
from tests.archive_server import LONGEST_STALL, Archive, frame_file
from tests.conftest import ROOT
from tests.unit.fetch.archives import names, settings, wanted

PATH = "301/4510/4/frame-r-004510-4-0030.fits.bz2"


BIG = 60  # blocks of 2,880 bytes: large enough to be sent in pieces


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError("not within 30 s")


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
