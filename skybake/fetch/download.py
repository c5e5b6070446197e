"""Downloads the files of a chunk: politely, to the end, and none that is here.

A file grows under its name with ``.part`` behind it, which a later attempt or job continues (HTTP ``Range``), and takes
its name only when it was read to its end and found whole. What the archive will not give is said in the ledger; what
concerns all files (no connection, a long pause asked for) ends the job with an error, since a later one may have them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from skybake.fetch import Fetch
from skybake.fetch.ledger import MISSING, WHOLE, LedgerEntry, Notes
from skybake.fetch.wanted import Wanted
from skybake.fetch.whole import NotWholeError, check

if TYPE_CHECKING:
    import requests

_BLOCK = 1 << 16
_PROGRESS = 1 << 16  # bytes more than ever before: the connection is bad, but the file is coming
_TRANSIENT = {408, 425, 429}  # and all 5xx: the server may think better of it
_REFUSALS = 2  # 404 and its like are believed the second time: a mirror may have been out of step


class ServerError(RuntimeError):
    """The server cannot be asked now, for any file."""


class _Failure(Exception):
    """An attempt at a file that failed.

    Attributes:
        reason: For the ledger.
        pause: Seconds the server asks for.
        refused: The server will not give the file.
        unreachable: There was no server.
    """

    def __init__(self, reason: str, *, pause: float = 0, refused: bool = False, unreachable: bool = False):
        super().__init__(reason)
        self.reason, self.pause, self.refused, self.unreachable = reason, pause, refused, unreachable


def fetch(
    files: Sequence[Wanted], folder: Path | str, settings: Fetch, *, connections: int | None = None
) -> list[LedgerEntry]:
    """Make sure that files are in a folder.

    Args:
        files: What is wanted.
        folder: Where it shall be, in the archive's layout.
        settings: See :class:`skybake.fetch.Fetch`.
        connections: Downloads at a time; by default those of the settings.

    Returns:
        An entry of the ledger for each file.

    Raises:
        ServerError: The server cannot be reached, or asks for a pause longer than the settings allow. What has arrived
            stays, and the next call goes on from there.
    """
    from tqdm import tqdm

    client, notes = _Client(settings), Notes()
    with ThreadPoolExecutor(connections or settings.connections) as pool:
        jobs = [pool.submit(_obtain, file, Path(folder), client, notes) for file in files]
        try:
            return [job.result() for job in tqdm(jobs, desc="fetching", unit="file", delay=3)]
        except BaseException as error:
            client.stop(error)
            pool.shutdown(cancel_futures=True)
            raise


def _obtain(file: Wanted, folder: Path, client: _Client, notes: Notes) -> LedgerEntry:
    target = folder / file.path
    try:
        size, digest = notes.find(target, file.sha256) or _download(file, target, client, notes)
    except _Failure as failure:
        print(f"{file.url}: {failure.reason}", flush=True)
        return LedgerEntry(file.url, "", "", MISSING, failure.reason)
    return LedgerEntry(file.url, size, digest, WHOLE)


def _download(file: Wanted, target: Path, client: _Client, notes: Notes) -> tuple[int, str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _claimed(target.with_name(f"{target.name}.part")) as part:
        found = notes.find(target, file.sha256)  # another job may have fetched it while this one waited
        if found is None:
            if not _is_whole(part, target.name, file.sha256):
                _receive(file, part, target.name, client)
            Path(part.name).replace(target)
            found = notes.add(target)
        else:
            part.truncate(0)
        return found


@contextmanager
def _claimed(path: Path) -> Iterator[BinaryIO]:
    """Open a partial file to append to, for this job alone: datasets may share a folder. Empty ones do not stay."""
    import fcntl

    while True:
        stream = path.open("ab")
        with suppress(OSError):  # not every network file system has locks
            fcntl.flock(stream, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                break
        stream.close()  # whoever had the claim has finished this file: it lies under its own name now
    with stream:
        try:
            yield stream
        finally:
            if not _size(stream):
                path.unlink(missing_ok=True)


def _size(part: BinaryIO) -> int:
    """Return how much of a file is here, all of it written."""
    part.flush()
    return os.fstat(part.fileno()).st_size


def _is_whole(part: BinaryIO, name: str, sha256: str) -> bool:
    """Tell whether a partial file needs only its name; of one that is no beginning of a file nothing is kept."""
    if not _size(part):
        return False
    try:
        check(part.name, name, sha256)
    except NotWholeError as error:
        if not error.resumable:
            part.truncate(0)
        return False
    return True


def _receive(file: Wanted, part: BinaryIO, name: str, client: _Client) -> None:
    """Ask for the rest of a file until it is whole or it is time to give up."""
    settings, failures, refusals, most = client.settings, 0, 0, _size(part)
    while True:
        try:
            return _attempt(file, part, name, client)
        except _Failure as failure:
            size = _size(part)
            failures = 1 if size >= most + _PROGRESS else failures + 1
            refusals += failure.refused
            most = max(most, size)
            if failures >= settings.attempts or refusals >= _REFUSALS:
                if failure.unreachable:
                    hint = "Hint: network, proxy, or base_url; run again, what has arrived stays"
                    raise client.stop(ServerError(f"{file.url}: {failure.reason}. {hint}")) from None
                raise
            client.sleep(max(failure.pause, min(settings.longest_pause, settings.backoff * 2 ** (failures - 1))))


def _attempt(file: Wanted, part: BinaryIO, name: str, client: _Client) -> None:
    client.append(file.url, part)
    try:
        check(part.name, name, file.sha256)
    except NotWholeError as error:
        if file.sha256 or not error.resumable:  # all has come: of another sum it is another file
            part.truncate(0)
        raise _Failure(str(error), refused=bool(file.sha256)) from None


class _Client:
    """Asks one server for files; shared by the threads of a job, so that together they are polite."""

    def __init__(self, settings: Fetch):
        self.settings = settings
        self._own = threading.local()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._next = 0.0
        self._error: BaseException | None = None

    def stop(self, error: BaseException) -> BaseException:
        """Ask for nothing more: all threads end with the error, which is returned."""
        with self._lock:
            first = self._error = self._error or error
        self._stopped.set()
        return first

    def sleep(self, seconds: float) -> None:
        """Wait; end at once if the job has been stopped."""
        if self._stopped.wait(seconds) and self._error is not None:
            raise self._error

    def append(self, url: str, part: BinaryIO) -> None:
        """Make one request, and append to a partial file what it lacks.

        Raises:
            _Failure: Not all of it came.
        """
        offset = _size(part)
        self._wait_for_turn()
        with self._get(url, offset) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
                part.truncate(0)  # what is here is as long as the archive's file, and was found not to be whole
                return self.append(url, part)
            if response.status_code == HTTPStatus.OK:  # all of it, whether a range was asked for or not
                part.truncate(0)
                offset = 0
            elif response.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise self._refusal(response)
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
                part.truncate(0)
                raise _Failure("another part of the file came than was asked for")
            for block in self._blocks(response):
                part.write(block)
            length, size = response.headers.get("Content-Length", ""), _size(part)
            if length.isdecimal() and size < offset + int(length):
                raise _Failure("the connection was lost")
        return None

    def _wait_for_turn(self) -> None:
        while True:
            with self._lock:
                pause = self._next - time.monotonic()
                if pause <= 0:
                    self._next = time.monotonic() + self.settings.delay
            self.sleep(max(0.0, pause))
            if pause <= 0:
                return

    def _hold(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def _session(self) -> requests.Session:
        import requests

        if not hasattr(self._own, "session"):  # a session is not safe to share among threads
            self._own.session = requests.Session()
            self._own.session.max_redirects = 5
            self._own.session.headers.update({"User-Agent": "skybake", "Accept-Encoding": "identity"})
        return self._own.session

    def _get(self, url: str, offset: int) -> requests.Response:
        import requests

        settings = self.settings
        try:
            return self._session().get(
                url,
                headers={"Range": f"bytes={offset}-"} if offset else {},
                stream=True,
                timeout=(settings.connect_timeout, settings.read_timeout),
            )
        except requests.ReadTimeout:
            raise _Failure(f"no answer within {settings.read_timeout:g} s") from None
        except requests.ConnectionError as error:
            if _no_server(error):
                raise _Failure(f"no connection to the server ({_cause(error)})", unreachable=True) from None
            raise _Failure("the connection was lost") from None
        except requests.RequestException as error:
            raise _Failure(f"the request failed ({type(error).__name__})", refused=True) from None

    def _blocks(self, response: requests.Response) -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        deadline = time.monotonic() + self.settings.attempt_timeout
        while True:
            try:
                block = response.raw.read1(_BLOCK, decode_content=False)  # what is there: a trickle must not hold us
            except (ReadTimeoutError, TimeoutError):
                raise _Failure(f"the transfer stalled for {self.settings.read_timeout:g} s") from None
            except (HTTPError, OSError):
                raise _Failure("the connection was lost") from None
            if not block:
                return
            yield block
            self.sleep(0)
            if time.monotonic() > deadline:
                raise _Failure(f"not done within {self.settings.attempt_timeout:g} s")

    def _refusal(self, response: requests.Response) -> BaseException:
        """Return what to raise for an answer without a file."""
        status, pause = response.status_code, _retry_after(response)
        if pause > self.settings.longest_pause:
            error = ServerError(
                f"{response.url}: {_words(status)}; the server asks for a pause of {pause:.0f} s, longest_pause is"
                f" {self.settings.longest_pause:g}. Hint: run again later; what has arrived stays"
            )
            return self.stop(error)
        if pause:
            self._hold(pause)  # for all connections: it is the server that needs it, not the file
        if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _Failure(_words(status), pause=pause)
        return _Failure(_words(status), refused=True)


def _words(status: int) -> str:
    with suppress(ValueError):
        return f"{status} {HTTPStatus(status).phrase}"
    return str(status)


def _retry_after(response: requests.Response) -> float:
    from urllib3 import Retry
    from urllib3.exceptions import InvalidHeader

    with suppress(InvalidHeader):
        return Retry().get_retry_after(response.raw) or 0.0
    return 0.0


def _no_server(error: requests.ConnectionError) -> bool:
    import requests
    from urllib3.exceptions import NewConnectionError

    known = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
    return isinstance(error, known) or isinstance(_inner(error), NewConnectionError)


def _inner(error: requests.ConnectionError) -> object:
    return getattr(error.args[0], "reason", None) if error.args else None


def _cause(error: requests.ConnectionError) -> str:
    return type(_inner(error) or error).__name__
