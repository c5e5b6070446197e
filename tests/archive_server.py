"""An archive on this machine that behaves badly on order."""

import bz2
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

BLOCK = 2880
LONGEST_STALL = 15.0  # seconds; a handler is never left behind for longer


def fits_file(seed=0, blocks=3):
    """Return a small FITS file with random pixels, which do not compress."""
    cards = {"SIMPLE": "T", "BITPIX": 8, "NAXIS": 1, "NAXIS1": blocks * BLOCK}
    header = "".join(f"{f'{key:<8}= {value:>20}':<80}" for key, value in cards.items()) + "END"
    header = header.ljust(BLOCK).encode()
    return header + np.random.default_rng(seed).bytes(blocks * BLOCK)


def frame_file(seed=0, blocks=3):
    """Return such a file as the archive keeps it."""
    return bz2.compress(fits_file(seed, blocks))


class Archive:
    """Serves ``files`` (path -> bytes) on 127.0.0.1; ``moods[path]`` says how it answers, one mood a request.

    The last mood stays. ``requests`` lists (path, range header or "") in order, ``times`` when they came; ``sent``
    counts the bytes of bodies, ``most`` is how many requests were answered at a time.
    """

    def __init__(self):
        self.files, self.moods = {}, defaultdict(list)
        self.requests, self.times, self.sent, self.most = [], [], 0, 0
        self.over = threading.Event()
        self._now, self._lock = 0, threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that hangs up is what is tested
        self.url = f"http://127.0.0.1:{self._server.server_port}/sas/frames"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def paths(self):
        return [path for path, _ in self.requests]

    def forget(self):
        self.requests, self.times, self.sent, self.most = [], [], 0, 0

    def _mood(self, path, byte_range):
        with self._lock:
            self.requests.append((path, byte_range))
            self.times.append(time.monotonic())
            moods = self.moods[path]
            return moods.pop(0) if len(moods) > 1 else (moods or ["ok"])[0]

    @contextmanager
    def _counted(self):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def _handler(archive):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                with archive._counted():
                    try:
                        self._answer()
                    except (BrokenPipeError, ConnectionResetError):
                        self.close_connection = True

            def _answer(self):
                path = self.path.removeprefix("/sas/frames/")
                byte_range = self.headers.get("Range", "")
                mood = archive._mood(path, byte_range)
                mood, *details = mood if isinstance(mood, tuple) else (mood,)
                if isinstance(mood, int):
                    return self._refuse(mood, *details)
                if path not in archive.files:
                    return self._refuse(404)
                body, status, headers = archive.files[path], 200, {}
                if byte_range and mood not in ("ignores ranges", "garbage"):
                    start = int(byte_range.removeprefix("bytes=").removesuffix("-")) - (mood == "wrong range")
                    if start >= len(body):
                        return self._refuse(416)
                    status, headers = 206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
                    body = body[start:]
                getattr(self, f"_{mood.replace(' ', '_')}")(status, headers, body, *details)

            def _refuse(self, status, retry_after=None):
                self.send_response(status)
                if retry_after is not None:
                    self.send_header("Retry-After", str(retry_after))
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"sorry")

            def _begin(self, status, headers, length):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()

            def _write(self, body):
                self.wfile.write(body)
                self.wfile.flush()
                with archive._lock:
                    archive.sent += len(body)

            def _ok(self, status, headers, body):
                self._begin(status, headers, len(body))
                self._write(body)

            _ignores_ranges = _wrong_range = _ok

            def _slow(self, status, headers, body, seconds):
                archive.over.wait(seconds)
                self._ok(status, headers, body)

            def _drops(self, status, headers, body, share=0.5):
                """Lose the connection midway."""
                self._begin(status, headers, len(body))
                self._write(body[: int(share * len(body))])
                self.close_connection = True

            def _drops_and_ignores_ranges(self, status, headers, body):
                self._drops(200, {}, body)

            def _vanishes(self, status, headers, body):
                """Lose the connection before the answer."""
                self.close_connection = True

            def _truncates(self, status, headers, body):
                """Say that half of the file is all of it."""
                self._ok(status, headers, body[: len(body) // 2])

            def _damages(self, status, headers, body):
                middle = len(body) // 2
                self._ok(status, headers, body[:middle] + bytes([body[middle] ^ 255]) + body[middle + 1 :])

            def _garbage(self, status, headers, body):
                self._ok(200, {}, b"<html>down for maintenance</html>")

            def _no_length(self, status, headers, body):
                self._begin(status, {**headers, "Connection": "close"}, None)
                self._write(body)
                self.close_connection = True

            def _no_length_and_drops(self, status, headers, body):
                self._no_length(status, headers, body[: len(body) // 2])

            def _in_chunks(self, status, headers, body):
                self._begin(status, {**headers, "Transfer-Encoding": "chunked"}, None)
                for first in range(0, len(body), 1000):
                    piece = body[first : first + 1000]
                    self._write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self._write(b"0\r\n\r\n")

            def _stalls(self, status, headers, body, share=0.5):
                """Send half, then nothing."""
                self._begin(status, headers, len(body))
                self._write(body[: int(share * len(body))])
                archive.over.wait(LONGEST_STALL)
                self.close_connection = True

            def _redirects_to_itself(self, status, headers, body):
                self._begin(302, {"Location": self.path}, 0)

            def _is_silent(self, status, headers, body):
                archive.over.wait(LONGEST_STALL)
                self.close_connection = True

            def _trickles(self, status, headers, body):
                """Send a byte now and then: no read ever times out."""
                self._begin(status, headers, len(body))
                until = time.monotonic() + LONGEST_STALL
                for first in range(len(body)):
                    self._write(body[first : first + 1])
                    if archive.over.wait(0.05) or time.monotonic() > until:
                        break
                self.close_connection = True

        return Handler
