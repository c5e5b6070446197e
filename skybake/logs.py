"""The log of a step."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def to_file(path: str | Path) -> Iterator[None]:
    """Send everything that the block prints to a log file, the traceback of an error included.

    The last line of an error is printed outside too, so that a person sees why a job failed without opening the log.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    out, err = sys.stdout, sys.stderr
    with Path(path).open("w", buffering=1, encoding="utf-8") as stream:
        sys.stdout = sys.stderr = stream
        try:
            yield
        except BaseException as error:
            traceback.print_exc()
            print(f"{type(error).__name__}: {error}\nThe whole log: {path}", file=err)
            raise
        finally:
            sys.stdout, sys.stderr = out, err
