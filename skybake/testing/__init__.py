"""Checks the file of a plug-in against the contract of its kind: as it is written, then in use.

``python -m skybake check skybake/models/mine.py`` does it for a person who writes one, and the tests do it for every
file of every room. What must be declared stands in :data:`skybake.config.contracts.CONTRACTS`; what use shows is found
by the file of this folder that has the name of the room's last folder: its ``use(part)`` yields what is wrong, a line
each, with the cure. So a kind of plug-in is added by an entry there and a file here.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from skybake.config import contracts
from skybake.plugins import PACKAGE, ROOT, PlugIn


def prepare() -> None:
    """Let plug-ins be used in this process as in tests: on TensorFlow, with one thread, and without its chatter."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # or it says that they are on, whatever the level
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")


def check(what: Path | PlugIn) -> list[str]:
    """Return what is wrong with a plug-in, a line each that says the cure; nothing if it keeps its contract.

    Args:
        what: A plug-in, or its file, or its folder: ``skybake/models/mine.py``, ``skybake/raw/mine/``.
    """
    if isinstance(what, PlugIn):
        return list(dict.fromkeys(_of_part(what, contracts.known_in(contracts.room_of(what)))))
    path = Path(what).resolve()
    path = path.parent if path.name == "__init__.py" else path
    room = path.parent.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else ""
    if not path.exists():
        return [f"{what}: no such file"]
    if room not in contracts.CONTRACTS or path.name.startswith("_"):
        rooms = ", ".join(f"skybake/{name}/" for name in contracts.CONTRACTS)
        return [f"{what}: no plug-in; expected a file in one of {rooms} of {ROOT}, whose name starts with a letter"]
    known = contracts.known_in(room)
    module = f"skybake.{room.replace('/', '.')}.{path.stem}"
    file = f"skybake/{room}/{path.name}"
    if doubles := [line for line in contracts.doubles(known) if file in line]:
        return doubles
    parts = [part for name, part in known.items() if part.module == module and _is_first(part)]
    if not parts:
        contract = contracts.CONTRACTS[room]
        expected = contract.marked or next(iter(contract.functions.values()), "a class")
        return [f"skybake/{room}/{path.name}: no {contract.kind} found; expected {expected}"]
    return list(dict.fromkeys(problem for part in parts for problem in _of_part(part, known)))


def _is_first(part: PlugIn) -> bool:
    """Tell whether this is no further name of a loss."""
    return part.name == part.constants.get("function", part.name)


def _of_part(part: PlugIn, known: Mapping[str, PlugIn]) -> Iterator[str]:
    wrong = list(contracts.problems(part, known))
    if wrong:  # what is written wrongly would only fail again in use
        yield from wrong
        return
    prefix = f"{part.file}: {part.name}" if "function" in part.constants else part.file
    try:
        room = contracts.room_of(part).rsplit("/", 1)[-1]
        for problem in importlib.import_module(f"skybake.testing.{room}").use(part):
            yield f"{prefix}: {problem}"
    except Exception as error:  # whatever the file raises is what is wrong with it
        yield f"{prefix}: {_where(part)}{type(error).__name__}: {error}"


def _where(part: PlugIn) -> str:
    """Return the last line of a plug-in's own file that led to the error at hand."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    lines = [frame.lineno for frame in frames if Path(frame.filename) == ROOT / part.file]
    return f"line {lines[-1]}: " if lines else ""
