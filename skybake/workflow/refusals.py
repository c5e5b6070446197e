"""A config that is refused, as a person wants to read it: without the lines of code that refused it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from skybake.config.messages import ConfigError


@contextmanager
def alone() -> Iterator[None]:
    """End the process with the message of a ``ConfigError`` in the block, and with status 1; for the Snakefile.

    Of an error in a Snakefile, Snakemake prints the line, and its traceback.
    """
    try:
        yield
    except ConfigError as error:
        sys.exit(str(error))
