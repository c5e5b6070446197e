"""The log of a step."""

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from skybake import attempts
from skybake.workflow import containers

FINISHED = "finished"  # the last line of the log of a step that succeeded
AGAIN = "\n---- a new attempt; above is the log of one that did not finish ----\n"


def finished(path: Path) -> bool:
    """Tell whether the step of a log succeeded."""
    return path.read_bytes().endswith(f"{FINISHED}\n".encode())


def _second_name(path: Path) -> Path:
    """Return a link to the log of a step that has not succeeded: Snakemake removes a log before the next attempt."""
    return path.with_name(f".{path.name}.unfinished")


def _earlier(path: Path) -> bytes:
    """Return the log of the attempt before this one, if that did not finish."""
    for name in (_second_name(path), path):
        if name.exists() and name.stat().st_size > 0 and not finished(name):
            return name.read_bytes()
    return b""


class _Lines(io.TextIOWrapper):
    """A text file in which every state of a progress bar has a line of its own."""

    def write(self, text: str) -> int:
        return super().write(text.replace("\r", "\n"))


def of(snakemake: Any) -> AbstractContextManager[None]:
    """Send all that a script prints to its job's log, and record how the attempt ends: see :func:`to_file`."""
    containers.leave_host()
    return to_file(snakemake.log[0], attempts.record_of(snakemake.rule, dict(snakemake.wildcards)))


@contextmanager
def to_file(path: str | Path, record: Path | None = None) -> Iterator[None]:
    """Send all that the block prints to a log file, what libraries write below Python and tracebacks included.

    An error ends the process with status 1; its last line is printed outside too, so that a person sees why a job
    failed without opening the log. The log of an attempt that did not finish is kept above that of the next one.

    Args:
        path: Of the log.
        record: Where the attempts at the job are recorded; None records nothing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    earlier = _earlier(path)
    sys.stdout.flush()
    sys.stderr.flush()
    terminals = [os.dup(1), os.dup(2)]
    failure = None
    with path.open("wb", buffering=0) as raw, _Lines(raw, encoding="utf-8", write_through=True) as stream:
        if earlier:
            raw.write(earlier + AGAIN.encode())
        _second_name(path).unlink(missing_ok=True)
        with suppress(OSError):  # a file system without hard links keeps the last attempt's log only
            os.link(path, _second_name(path))
        for descriptor in (1, 2):
            os.dup2(raw.fileno(), descriptor)
        out, err = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = stream
        try:
            attempts.begin(record)
            yield
            attempts.forget(record)
            print(FINISHED)
            _second_name(path).unlink(missing_ok=True)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            attempts.fail(record, error)
            failure = f"{type(error).__name__}: {error}\nThe whole log: {path}"
        finally:
            sys.stdout, sys.stderr = out, err
            for descriptor, terminal in zip((1, 2), terminals, strict=True):
                os.dup2(terminal, descriptor)
                os.close(terminal)
    if failure:
        sys.exit(failure)
