"""Finds models, losses, baselines, surveys and figures by file name, without importing them.

The Snakefile is parsed again in every job and a wrong name must stop before any job, so names and parameters are read
from the source text: a deep-learning framework is imported only where a network is built.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parent


@dataclass(frozen=True)
class PlugIn:
    """Something a bake-off can name.

    Attributes:
        name: As the config names it.
        module: Where it lives, e.g. ``skybake.models.simple_sequential``.
        parameters: Keyword parameters and their defaults.
        constants: The file's upper-case constants (for a loss: the arguments of its decorator).
        limits: Parameter -> its allowed values, in the form of :mod:`skybake.limits`.
        doc: Its docstring.
        seeded: Whether its function takes a ``seed``, beside the parameters that the config may set.
    """

    name: str
    module: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    doc: str = ""
    seeded: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that a loss, baseline or figure is for."""
        return tuple(self.constants.get("tasks", self.constants.get("TASKS", ())))

    @property
    def file(self) -> str:
        """Its source, below the root of the checkout: ``skybake/models/dense.py``."""
        path = self.module.replace(".", "/")
        return f"{path}.py" if (ROOT / f"{path}.py").exists() else f"{path}/__init__.py"

    def load(self) -> ModuleType:
        """Import the file."""
        return importlib.import_module(self.module)


def _files(room: str) -> dict[str, Path]:
    """Return name -> source of the parts of a room: a file, or the ``__init__.py`` of a folder."""
    files = {path.stem: path for path in (PACKAGE / room).glob("*.py")}
    folders = {path.parent.name: path for path in (PACKAGE / room).glob("*/__init__.py")}
    return {name: path for name, path in sorted({**files, **folders}.items()) if not name.startswith("_")}


@cache
def syntax_tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _literal(node: ast.expr, path: Path) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise TypeError(
            f"{path.name}:{node.lineno}: expected a literal value, since it is read without import"
        ) from None


def _constants(path: Path) -> dict[str, Any]:
    found = {}
    for node in syntax_tree(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue  # a computed constant is the file's own business
    return found


def _limits(path: Path) -> dict[str, Any]:
    for node in syntax_tree(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "LIMITS":
            return _literal(node.value, path)
    return {}


def _defaults(function: ast.FunctionDef, path: Path, *, keyword_only: bool) -> dict[str, Any]:
    """Return the parameters that have defaults: those a config may set."""
    arguments = function.args
    positional = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    pairs: list[tuple[ast.arg, ast.expr | None]] = []
    if not keyword_only:
        pairs += zip(positional, arguments.defaults, strict=True)
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: _literal(default, path) for argument, default in pairs if default is not None}


@cache
def in_room(room: str, function: str | None = None) -> Mapping[str, PlugIn]:
    """Return the parts of a room of the library, by name.

    Args:
        room: A folder of the library: ``models`` (see :func:`models`), ``baselines``, ``data/splits``, ...
        function: The function whose keyword-only parameters the config may set; a file without it is no part.
    """
    found = {}
    for name, path in _files(room).items():
        functions = {node.name: node for node in syntax_tree(path).body if isinstance(node, ast.FunctionDef)}
        if function is not None and function not in functions:
            continue
        found[name] = PlugIn(
            name=name,
            module=f"skybake.{room.replace('/', '.')}.{name}",
            parameters=_defaults(functions[function], path, keyword_only=True) if function else {},
            constants=_constants(path),
            limits=_limits(path),
            doc=ast.get_docstring(syntax_tree(path)) or "",
            seeded=function is not None and "seed" in [item.arg for item in functions[function].args.kwonlyargs],
        )
    return found


TASKS = ("regression", "classification")
MIXED = "mixed_"
MIXED_PARAMETERS = {"scalar_units": 256, "scalar_dropout": 0.3}
MIXED_LIMITS = {"scalar_units": {"at_least": 1}, "scalar_dropout": {"at_least": 0, "below": 1}}


@cache
def models() -> Mapping[str, PlugIn]:
    """Return the networks by name: the files of ``skybake/models/``, and each again with scalars mixed in.

    ``mixed_<model>`` joins the model's image features with the dataset's input scalars; ``MIXED`` among its constants
    says so. ``scalar_units`` is the width of its dense layers, ``scalar_dropout`` what is dropped behind the last two.
    """
    plain = in_room("models", "build")
    mixed = {
        MIXED + name: PlugIn(
            name=MIXED + name,
            module=part.module,
            parameters={**part.parameters, **MIXED_PARAMETERS},
            limits={**part.limits, **MIXED_LIMITS},
            constants={**part.constants, "MIXED": True, "NEEDS_SCALARS": True},
            doc=part.doc,
        )
        for name, part in plain.items()
    }
    return {**plain, **mixed}


@cache
def losses() -> Mapping[str, PlugIn]:
    """Return the losses by name: the functions under ``skybake/losses/`` that are decorated with ``@loss(...)``."""
    found = {}
    for file, path in _files("losses").items():
        for node in syntax_tree(path).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "loss":
                    for name in [node.name, *_aliases(mark, path)]:
                        found[name] = PlugIn(
                            name=name,
                            module=f"skybake.losses.{file}",
                            parameters=_defaults(node, path, keyword_only=False),
                            constants={key.arg: _literal(key.value, path) for key in mark.keywords if key.arg}
                            | {"function": node.name},
                            limits=_limits(path),
                            doc=ast.get_docstring(node) or "",
                        )
    return found


@cache
def heads() -> tuple[str, ...]:
    """Return the names of the heads: the files of ``skybake/heads/``."""
    return tuple(_files("heads"))


def _aliases(mark: ast.Call, path: Path) -> list[str]:
    return [name for key in mark.keywords if key.arg == "aliases" for name in _literal(key.value, path)]
