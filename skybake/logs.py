"""The log of a step."""

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FINISHED = "finished"  # the last line of the log of a step that succeeded
AGAIN = "\n---- a new attempt; above is the log of one that did not finish ----\n"


def finished(path: Path) -> bool:
    """Tell whether the step of a log succeeded."""
    return path.read_bytes().endswith(f"{FINISHED}\n".encode())


class _Lines(io.TextIOWrapper):
    """A text file in which every state of a progress bar has a line of its own."""

    def write(self, text: str) -> int:
        return super().write(text.replace("\r", "\n"))


@contextmanager
def to_file(path: str | Path) -> Iterator[None]:
    """Send all that the block prints to a log file, what libraries write below Python and tracebacks included.

    An error ends the process with status 1; its last line is printed outside too, so that a person sees why a job
    failed without opening the log. The log of an attempt that did not finish is kept above that of the next one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.exists() and path.stat().st_size > 0 and not finished(path)
    sys.stdout.flush()
    sys.stderr.flush()
    terminals = [os.dup(1), os.dup(2)]
    failure = None
    with (
        path.open("ab" if unfinished else "wb", buffering=0) as raw,
        _Lines(raw, encoding="utf-8", write_through=True) as stream,
    ):
        for descriptor in (1, 2):
            os.dup2(raw.fileno(), descriptor)
        out, err = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = stream
        if unfinished:
            stream.write(AGAIN)
        try:
            yield
            print(FINISHED)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            failure = f"{type(error).__name__}: {error}\nThe whole log: {path}"
        finally:
            sys.stdout, sys.stderr = out, err
            for descriptor, terminal in zip((1, 2), terminals, strict=True):
                os.dup2(terminal, descriptor)
                os.close(terminal)
    if failure:
        sys.exit(failure)
