"""Finds models, losses, heads, baselines, surveys, figures and metrics by file name, without importing them.

The Snakefile is parsed again in every job and a wrong name must stop before any job, so names and parameters are read
from the source text: a deep-learning framework is imported only where a network is built. A file that cannot be read
is a plug-in with ``faults``, and stops only a bake-off that uses it.
"""

from __future__ import annotations

import ast
import importlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parent

log = logging.getLogger(__name__)


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
        faults: Why its file cannot be read, a line each.
        twin: Another file that has the same name; empty where there is none.
    """

    name: str
    module: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    doc: str = ""
    seeded: bool = False
    faults: tuple[str, ...] = ()
    twin: str = ""

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


def _source(path: Path) -> tuple[ast.Module, list[str]]:
    """Return the syntax tree of a file and its faults; an empty tree where it is no Python."""
    try:
        return syntax_tree(path), []
    except SyntaxError as error:
        return ast.Module(body=[], type_ignores=[]), [f"line {error.lineno}: {error.msg}; expected Python"]
    except ValueError as error:
        return ast.Module(body=[], type_ignores=[]), [f"{error}; expected Python in UTF-8"]


def _literals(pairs: Iterable[tuple[str, ast.expr]], what: str) -> tuple[dict[str, Any], list[str]]:
    """Return the values of expressions by name, and what is wrong with those that are computed."""
    found, faults = {}, []
    for name, node in pairs:
        try:
            found[name] = ast.literal_eval(node)
        except ValueError:
            faults.append(
                f"line {node.lineno}: {what}{name} is computed; expected a literal value, since it is read without"
                " import"
            )
    return found, faults


def assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the upper-case names of a file and what is assigned to them."""
    pairs: list[tuple[ast.expr, ast.expr | None]] = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            pairs.append((node.targets[0], node.value))
        elif isinstance(node, ast.AnnAssign):
            pairs.append((node.target, node.value))
    return {name.id: value for name, value in pairs if isinstance(name, ast.Name) and name.id.isupper() and value}


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the functions of a file by name."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _defaults(function: ast.FunctionDef, *, keyword_only: bool) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters that have defaults, those a config may set; and what is wrong with them."""
    arguments = function.args
    positional = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    pairs: list[tuple[ast.arg, ast.expr | None]] = []
    if not keyword_only:
        pairs += zip(positional, arguments.defaults, strict=True)
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    given = [(argument.arg, default) for argument, default in pairs if default is not None]
    return _literals(given, f"{function.name}: the default of ")


@cache
def in_room(room: str, function: str | None = None) -> Mapping[str, PlugIn]:
    """Return the parts of a room of the library, by name.

    Args:
        room: A folder of the library: ``models`` (see :func:`models`), ``baselines``, ``data/splits``, ...
        function: The function whose keyword-only parameters the config may set; a file without it is no part.
    """
    found = {}
    for name, path in _files(room).items():
        tree, faults = _source(path)
        known = functions(tree)
        if function is not None and function not in known and not faults:
            continue
        parameters: dict[str, Any] = {}
        if function in known:
            parameters, wrong = _defaults(known[function], keyword_only=True)
            faults += wrong
        constants, computed = _literals(assigned(tree).items(), "")
        faults += [fault for fault in computed if ": LIMITS " in fault]  # other constants may be computed
        found[name] = PlugIn(
            name=name,
            module=f"skybake.{room.replace('/', '.')}.{name}",
            parameters=parameters,
            constants=constants,
            limits=constants.get("LIMITS", {}),
            doc=ast.get_docstring(tree) or "",
            seeded=function in known and "seed" in [item.arg for item in known[function].args.kwonlyargs],
            faults=tuple(faults),
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
        MIXED + name: replace(
            part,
            name=MIXED + name,
            parameters={**part.parameters, **MIXED_PARAMETERS},
            limits={**part.limits, **MIXED_LIMITS},
            constants={**part.constants, "MIXED": True, "NEEDS_SCALARS": True},
        )
        for name, part in plain.items()
    }
    return {**plain, **mixed}


UNITS = ("scale", "shift")  # parameters of losses that a bake-off sets: a label in its own units is scale * y + shift


@cache
def losses() -> Mapping[str, PlugIn]:
    """Return the losses by name: the functions under ``skybake/losses/`` that are decorated with ``@loss(...)``."""
    return _marked("losses", "loss", parameters=True)


@cache
def metrics() -> Mapping[str, PlugIn]:
    """Return the metrics by name: the functions under ``skybake/metrics/`` that are decorated with ``@metric(...)``."""
    return _marked("metrics", "metric", parameters=False)


def _marked(room: str, decorator: str, *, parameters: bool) -> Mapping[str, PlugIn]:
    """Return the functions of a room that a decorator marks, by name; its arguments are their constants.

    Args:
        room: A folder of the library.
        decorator: Name of the decorator.
        parameters: Whether the config may set the parameters that have defaults.
    """
    found: dict[str, PlugIn] = {}
    for file, path in _files(room).items():
        tree, faults = _source(path)
        module = f"skybake.{room}.{file}"
        if faults:  # its functions are not known, but mostly one has the name of the file
            found.setdefault(file, PlugIn(file, module, constants={"function": file}, faults=tuple(faults)))
        limits, wrong_limits = _literals([item for item in assigned(tree).items() if item[0] == "LIMITS"], "")
        for node in functions(tree).values():
            mark = _mark(node, decorator)
            if mark is None:
                continue
            defaults, wrong = _defaults(node, keyword_only=False) if parameters else ({}, [])
            constants, computed = _literals(
                [(key.arg, key.value) for key in mark.keywords if key.arg], f"@{decorator}: "
            )
            wrong += [*computed, *wrong_limits]
            for name in [node.name, *constants.get("aliases", ())]:
                other = found.get(name)
                twin = other.file if other and not other.faults else ""
                double = [f"{name} stands in {twin} too; expected another name in one of them"] if twin else []
                found[name] = PlugIn(
                    name=name,
                    module=module,
                    parameters=defaults,
                    constants=constants | {"function": node.name},
                    limits=limits.get("LIMITS", {}),
                    doc=ast.get_docstring(node) or "",
                    faults=(*wrong, *double),
                    twin=twin,
                )
    return found


def _mark(function: ast.FunctionDef, decorator: str) -> ast.Call | None:
    """Return the decorator ``@loss(...)`` of a function, if it has one."""
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == decorator:
            return mark
    return None


@cache
def heads() -> Mapping[str, PlugIn]:
    """Return the heads by name: the files of ``skybake/heads/``."""
    return in_room("heads")


@cache
def figures() -> Mapping[str, PlugIn]:
    """Return the figures that can be read, by name: a file that a person is at work on is left out with a warning."""
    known = in_room("figures", "draw")
    for part in known.values():
        if part.faults:
            log.warning("%s is left out: %s", part.file, "; ".join(part.faults))
    return {name: part for name, part in known.items() if not part.faults and "SCOPE" in part.constants}
