"""Digests of code: editing a file runs the steps that use it again, and no other."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from skybake.plugins import PACKAGE, ROOT, syntax_tree


@cache
def _imports(path: Path) -> frozenset[Path]:
    """Return the library's files that a file imports, directly."""
    package = path.relative_to(ROOT).parent.parts
    names: set[str] = set()
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
            module = (base + (node.module or "")).strip(".")
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    found: set[Path] = set()
    for name in names:
        if name.split(".")[0] != PACKAGE.name:
            continue
        steps = name.split(".")
        for depth in range(1, len(steps) + 1):  # importing a module runs its packages' __init__ too
            stem = ROOT.joinpath(*steps[:depth])
            found.update(file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file())
    return frozenset(found)


def _source(module: str) -> Path:
    """Return the file of a module of the library; of a folder, its ``__init__.py``."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _own_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def used_files(starts: Iterable[Path]) -> set[Path]:
    """Return the files and all files of the library that they import, however indirectly."""
    todo, seen = list(starts), set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo.extend(_imports(path))
    return seen


@cache
def _templates(path: Path) -> frozenset[Path]:
    """Return the pages' templates that a file names, with what these name in turn: they are read as text."""
    room = {file.name: file for file in (path.parent / "templates").glob("*")}
    found: set[Path] = set()
    todo = [path] if room else []
    while todo:
        text = todo.pop().read_text(encoding="utf-8")
        new = {file for name, file in room.items() if f'"{name}"' in text} - found
        found |= new
        todo.extend(new)
    return frozenset(found)


def code_digest(script: str, modules: Iterable[str] = ()) -> str:
    """Return one digest of all code that a step uses, so that editing it runs the step again and no other.

    Args:
        script: The step's script, by name: ``scripts/<script>.py``.
        modules: What the script finds by name only, e.g. ``skybake.models.simple_sequential``.
    """
    return _code_digest(script, tuple(sorted(modules)))


@cache
def _code_digest(script: str, modules: tuple[str, ...]) -> str:
    starts = [ROOT / "scripts" / f"{script}.py"]
    starts += [_source(module) for module in modules]
    used = used_files(starts)
    used |= {file for path in used for file in _templates(path)}
    lines = [f"{path.relative_to(ROOT).as_posix()} {_own_digest(path)}" for path in sorted(used)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
