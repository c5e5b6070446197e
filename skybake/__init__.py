"""skybake: bake-offs of neural networks on astronomical images."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def load(results: Path | str) -> Any:
    """Return a finished bake-off, to look at in a notebook: a :class:`skybake.finished.Finished`.

    Args:
        results: The folder that its config calls ``results``.

    Raises:
        FileNotFoundError: It is no such folder.
    """
    # By name: the Snakefile and every step import this file, and none of them uses that one.
    return import_module("skybake.finished").Finished(results)
