"""The log of a step."""

import io
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from skybake import attempts
from skybake.workflow import containers

FINISHED = "finished"  # the last line of the log of a step that succeeded
LONG_SECONDS = 10.0  # shorter work says on the terminal only what is wrong
INTERRUPTED = 130  # the exit status of what a Ctrl-C ends
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
    step = " ".join([snakemake.rule, *snakemake.wildcards])
    return to_file(snakemake.log[0], attempts.record_of(snakemake.rule, dict(snakemake.wildcards)), step)


class _ToLog(logging.Formatter):
    """Names the level of what is more than information."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {text}"


@contextmanager
def _logging(stream: IO[str], terminal: int, step: str) -> Iterator[None]:
    """Send what the library logs to a stream; some of it to a terminal too.

    That is warnings, information with ``extra={"always": True}``, and any of work that takes long.
    """
    begin = time.monotonic()
    library = logging.getLogger("skybake")
    level = library.level
    in_log = logging.StreamHandler(stream)
    in_log.setFormatter(_ToLog())
    with open(terminal, "w", encoding="utf-8", closefd=False) as outside:
        seen = logging.StreamHandler(outside)
        seen.setFormatter(_ToLog(f"{step}: %(message)s"))
        seen.addFilter(
            lambda record: (
                record.levelno >= logging.WARNING
                or getattr(record, "always", False)
                or time.monotonic() - begin > LONG_SECONDS
            )
        )
        for handler in (in_log, seen):
            library.addHandler(handler)
        library.setLevel(logging.INFO)
        try:
            yield
        finally:
            library.setLevel(level)
            for handler in (in_log, seen):
                library.removeHandler(handler)


@contextmanager
def to_file(path: str | Path, record: Path | None = None, step: str = "") -> Iterator[None]:
    """Send all that the block prints and logs to a log file, what libraries write below Python and tracebacks included.

    What the library logs is said outside too, if it is a warning or the work has taken long by then.
    An error ends the process with status 1; its last line is printed outside too, so that a person sees why a job
    failed without opening the log. The log of an attempt that did not finish is kept above that of the next one.

    Args:
        path: Of the log.
        record: Where the attempts at the job are recorded; None records nothing.
        step: What is at work, for lines outside; by default the log's name.
    """
    path = Path(path)
    step = step or path.stem
    path.parent.mkdir(parents=True, exist_ok=True)
    earlier = _earlier(path)
    sys.stdout.flush()
    sys.stderr.flush()
    terminals = [os.dup(1), os.dup(2)]
    failure: str | int | None = None
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
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(
                signal.SIG_UNBLOCK, {signal.SIGINT}
            )  # one that came while the script imported is here
            attempts.begin(record)
            with _logging(stream, terminals[1], step):
                yield
            attempts.forget(record)
            print(FINISHED)
            _second_name(path).unlink(missing_ok=True)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            attempts.fail(record, error)
            failure = f"{type(error).__name__}: {error}\nThe whole log: {path}"
            if not path.exists():
                failure = f"{path.parent}: this folder was removed while {step} was at work, with its log"
        except KeyboardInterrupt:
            print("interrupted")
            failure = INTERRUPTED  # Snakemake's process says all that is to be said
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            sys.stdout, sys.stderr = out, err
            for descriptor, terminal in zip((1, 2), terminals, strict=True):
                os.dup2(terminal, descriptor)
                os.close(terminal)
    if failure:
        sys.exit(failure)
