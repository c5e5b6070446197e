"""Gets a raw file, an archive of raw files or a catalogue that a config names under ``download``.

It is whole or not there: a file takes its name once its sum is right, an archive is unpacked beside and then takes it.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from skybake.fetch import Download, Fetch, download, skyserver
from skybake.fetch.ledger import MISSING, WHOLE, LedgerEntry
from skybake.fetch.wanted import Wanted
from skybake.files import file_digest

_ARCHIVES = tuple(ending for _, endings, _ in shutil.get_unpack_formats() for ending in endings)


class DownloadError(RuntimeError):
    """A raw file is not here and cannot be had, or is another than the config says."""


def obtain(path: Path, wanted: Download, *, backoff: float = 1.0) -> LedgerEntry:
    """Make sure that a raw file or folder is here.

    Args:
        path: Where it shall be.
        wanted: What the config says of it.
        backoff: Seconds before the second attempt.

    Returns:
        The line of the ledger; of a folder it tells of the archive, without a sum where the folder was here before.

    Raises:
        DownloadError: It cannot be had, or the file that is here has another sum. The message says what to do by hand.
    """
    if path.exists():
        return _here(path, wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    if wanted.query is not None:
        try:
            skyserver.ask(Path(wanted.query), path, address=wanted.address, release=wanted.release)
        except skyserver.QueryError as error:
            raise DownloadError(_by_hand(path, wanted, str(error))) from error
        return _here(path, wanted)
    name = PurePosixPath(urlsplit(wanted.address).path).name
    packed = name.endswith(_ARCHIVES) and not path.name.endswith(_ARCHIVES)
    got = _file(path.with_name(name) if packed else path, path, wanted, backoff)
    if packed:
        _unpack(path.with_name(name), path, wanted)
        path.with_name(name).unlink()
    return got


def _here(path: Path, wanted: Download) -> LedgerEntry:
    if path.is_dir():
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return LedgerEntry(wanted.address, size, "", WHOLE)
    found = file_digest(path)
    if wanted.sha256 not in (None, found):
        raise DownloadError(
            f"{path}: SHA-256 {found} found; expected {wanted.sha256}. Hint: move the file away, and it is downloaded;"
            " or take 'download' out of the config, if it is yours"
        )
    return LedgerEntry(wanted.address, path.stat().st_size, found, WHOLE)


def _file(target: Path, path: Path, wanted: Download, backoff: float) -> LedgerEntry:
    settings = Fetch(base_url=wanted.address.split("?")[0].split("#")[0], backoff=backoff)
    file = Wanted(target.name, wanted.address, wanted.sha256 or "")
    try:
        got = download.fetch([file], target.parent, settings)[0]
    except download.ServerError as error:
        raise DownloadError(_by_hand(path, wanted, str(error))) from error
    if got.status == MISSING:
        raise DownloadError(_by_hand(path, wanted, got.reason))
    return got


def _unpack(archive: Path, path: Path, wanted: Download) -> None:
    """Unpack an archive; its only folder, or all that is in it, becomes the raw folder."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
        folder = Path(beside) / "unpacked"
        try:
            if zipfile.is_zipfile(archive):
                _unzip(archive, folder)
            else:
                shutil.unpack_archive(archive, folder, filter="data")  # which refuses what would lie outside
        except (tarfile.TarError, zipfile.BadZipFile, shutil.ReadError, EOFError, OSError) as error:
            archive.unlink()
            raise DownloadError(_by_hand(path, wanted, f"{archive.name} cannot be unpacked ({error})")) from error
        inside = list(folder.iterdir())
        whole = inside[0] if len(inside) == 1 and (inside[0].is_dir() or path.suffix) else folder
        if not path.exists():  # another job may have been first
            whole.rename(path)


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise zipfile.BadZipFile(f"{name!r} would lie outside the folder")
        packed.extractall(folder)


def _by_hand(path: Path, wanted: Download, reason: str) -> str:
    what = f"the answer to {wanted.query}" if wanted.query else wanted.address
    return (
        f"{path}: not here, and not to be had from {wanted.address}: {reason}. Hint: where there is a network, download"
        f" {what}, and put it there{'' if path.suffix else ', unpacked'}; or run again"
    )
