"""skybake: bake-offs of neural networks on astronomical images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skybake.finished import Finished

__version__ = "0.1.0"


def load(results: Path | str) -> Finished:
    """Return a finished bake-off, to look at in a notebook.

    Args:
        results: The folder that its config calls ``results``.

    Raises:
        FileNotFoundError: It is no such folder.
    """
    from skybake.finished import Finished  # the Snakefile imports skybake in every job: light

    return Finished(results)
