"""Raw files that a config names under ``download``."""

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import yaml

from skybake.__main__ import main
from skybake.config import ConfigError, make_plan
from skybake.fetch import Download
from skybake.fetch.single import DownloadError, obtain
from tests.conftest import ROOT

BATCHES = {"cifar-10-batches-py/data_batch_1": b"one" * 5000, "cifar-10-batches-py/test_batch": b"two"}


def packed(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def served(archive, name, content, *moods):
    archive.files[name] = content
    archive.moods[name] = list(moods)
    return Download(address=f"{archive.url}/{name}", sha256=hashlib.sha256(content).hexdigest())


def get(path, wanted):
    return obtain(path, wanted, backoff=0.01)


def test_a_file_is_downloaded_whole_and_asked_for_once(archive, tmp_path):
    wanted = served(archive, "stamps.npy", b"stamps" * 20_000, "drops", "ok")
    entry = get(tmp_path / "raw" / "stamps.npy", wanted)
    assert (tmp_path / "raw" / "stamps.npy").read_bytes() == archive.files["stamps.npy"]
    assert (entry.sha256, entry.status) == (wanted.sha256, "whole")
    assert [bool(byte_range) for _, byte_range in archive.requests] == [False, True]  # it went on where it broke
    archive.forget()
    assert get(tmp_path / "raw" / "stamps.npy", wanted) == entry
    assert not archive.requests


@pytest.mark.parametrize(("pack", "name"), [(packed, "cifar-10-python.tar.gz"), (zipped, "cifar.zip")])
def test_an_archive_becomes_the_raw_folder(pack, name, archive, tmp_path):
    wanted, folder = served(archive, name, pack(BATCHES)), tmp_path / "cifar-10-batches-py"
    entry = get(folder, wanted)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name.split("/")[1]: content for name, content in BATCHES.items()
    }
    assert entry.sha256 == wanted.sha256
    assert not (tmp_path / name).exists()
    archive.forget()
    assert get(folder, wanted).size == sum(map(len, BATCHES.values()))
    assert not archive.requests


@pytest.mark.parametrize(("pack", "name"), [(packed, "evil.tar.gz"), (zipped, "evil.zip")])
@pytest.mark.parametrize("inside", ["../outside", "folder/../../outside"])
def test_nothing_is_unpacked_outside_the_folder(pack, name, inside, archive, tmp_path):
    wanted = served(archive, name, pack({"folder/good": b"good", inside: b"bad"}))
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        get(tmp_path / "raw" / "folder", wanted)
    assert not list(tmp_path.rglob("*outside*"))
    assert not (tmp_path / "raw" / "folder").exists()


def test_of_another_file_nothing_is_kept(archive, tmp_path):
    wanted = served(archive, "stamps.npy", b"stamps" * 20_000)
    archive.files["stamps.npy"] = b"others" * 20_000
    found = hashlib.sha256(archive.files["stamps.npy"]).hexdigest()
    with pytest.raises(DownloadError, match=f"SHA-256 {found} found; expected {wanted.sha256}"):
        get(tmp_path / "stamps.npy", wanted)
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size]


def test_a_file_of_the_user_stays(archive, tmp_path):
    (tmp_path / "stamps.npy").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="move the file away"):
        get(tmp_path / "stamps.npy", served(archive, "stamps.npy", b"theirs"))
    assert (tmp_path / "stamps.npy").read_bytes() == b"mine"
    assert not archive.requests


def test_offline_it_is_said_what_to_do_by_hand(tmp_path):
    wanted = Download(address="http://127.0.0.1:9/cifar-10-python.tar.gz", sha256="0" * 64)
    with pytest.raises(DownloadError) as said:
        get(tmp_path / "cifar-10-batches-py", wanted)
    for part in (str(tmp_path / "cifar-10-batches-py"), wanted.address, "put it there, unpacked"):
        assert part in str(said.value)


@pytest.mark.parametrize("given", [{}, {"sha256": "0" * 64}, {"sha256": "0" * 64, "query": "a.sql"}])
def test_a_download_is_a_file_of_known_sum_or_a_query(given):
    with pytest.raises(ValueError, match="sha256"):
        Download(**given)


@pytest.fixture
def sky_server(monkeypatch):
    """A server that answers queries as SDSS's does: ``answers`` in order, ``asked`` are the paths and parameters."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            address = urlsplit(self.path)
            server.asked.append((address.path, {key: value[0] for key, value in parse_qs(address.query).items()}))
            status, body = server.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def query(server, tmp_path):
    (tmp_path / "query.sql").write_text(
        "-- all of them\nSELECT p.objID, s.z -- a redshift\nINTO mydb.mine\nFROM SpecObjAll AS s\n"
    )
    return Download(address=f"http://127.0.0.1:{server.server_port}", query=str(tmp_path / "query.sql"), release=17)


def test_the_catalogue_is_the_answer_to_the_query(sky_server, tmp_path):
    sky_server.answer = (200, b"#Table1\nobjID,z\n1237648720142401611,0.05\n1237648720142401612,0.0625\n")
    entry = get(tmp_path / "catalogue.csv", query(sky_server, tmp_path))
    table = pd.read_csv(tmp_path / "catalogue.csv")
    assert table.objID.tolist() == [1237648720142401611, 1237648720142401612]
    assert table.z.tolist() == [0.05, 0.0625]
    (path, asked), *more = sky_server.asked
    assert path == "/dr17/en/tools/search/x_results.aspx"
    assert asked["cmd"].split() == ["SELECT", "p.objID,", "s.z", "FROM", "SpecObjAll", "AS", "s"]
    assert (asked["format"], more, entry.status) == ("csv", [], "whole")
    get(tmp_path / "catalogue.csv", query(sky_server, tmp_path))
    assert len(sky_server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"#Table1\nobjID,z\n"), "no object"),
        ((200, b'{"error_message": "Invalid column name"}'), "Invalid column name"),
        ((500, b"sorry"), "the query failed"),
    ],
)
def test_a_query_that_fails_leaves_no_catalogue(answer, said, sky_server, tmp_path):
    sky_server.answer = answer
    with pytest.raises(DownloadError, match=said):
        get(tmp_path / "catalogue.csv", query(sky_server, tmp_path))
    assert not (tmp_path / "catalogue.csv").exists()


def test_what_is_downloaded_need_not_be_here(tmp_path):
    """The shipped config; a file that is neither here nor downloaded is missing still."""
    assert main(["check", str(ROOT / "configs" / "cifar10.yaml")]) == 0
    given = yaml.safe_load((ROOT / "configs" / "cifar10.yaml").read_text())
    given["datasets"]["cifar10"]["raw"] = {"batches": str(tmp_path / "nowhere")}
    plan = make_plan(given)
    assert plan.raw_inputs("cifar10") == {"ledger": "results/cifar10/cifar10/ledger.csv"}
    assert plan.ledgers("cifar10") == ["results/cifar10/cifar10/fetch/ledger-download.csv"]
    given["datasets"]["cifar10"]["download"] = {"images": given["datasets"]["cifar10"]["download"]["batches"]}
    with pytest.raises(ConfigError, match="'download' of images found; expected names that stand under 'raw'"):
        make_plan(given)
    del given["datasets"]["cifar10"]["download"]
    with pytest.raises(ConfigError, match="no file"):
        make_plan(given)
