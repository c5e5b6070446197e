"""What is wrong with a plug-in's file itself, read without import: told by the file's name, before any job.

:data:`CONTRACTS` has what every kind must declare; the docstring of its room says what that means. What only use can
show is checked by :mod:`skybake.testing`, which starts from here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from skybake import limits
from skybake.config.messages import nearest, unknown_name
from skybake.plugins import ROOT, TASKS, PlugIn, assigned, functions, heads, in_room, losses, syntax_tree

SCOPES = ("run", "comparison", "explore", "inside")
FRAMEWORKS = ("tensorflow", "jax", "torch")
ON_ANY_BACKEND = "layers and keras.ops, since a bake-off may run on any backend"
WITHOUT_FRAMEWORK = "numpy, since this step runs where no deep-learning framework is"


@dataclass(frozen=True)
class Contract:
    """What the files of a room must declare.

    Attributes:
        kind: What a file of it is called.
        functions: Name -> signature, of those that a file must have; the first one makes it a plug-in.
        classes: Names of classes that it must have.
        constants: Name -> example, of literal constants that it must have.
        limited: Whether its parameters are the config's to set, so that ``LIMITS`` has each of them.
        foreign: Packages that it must not import.
        instead: What it should use instead.
    """

    kind: str
    functions: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    limited: bool = False
    foreign: tuple[str, ...] = (*FRAMEWORKS, "keras")
    instead: str = WITHOUT_FRAMEWORK


CONTRACTS = {
    "models": Contract(
        "model",
        functions={"build": "build(image, scalars=None, *, width=16)"},
        limited=True,
        foreign=FRAMEWORKS,
        instead=ON_ANY_BACKEND,
    ),
    "losses": Contract("loss", limited=True, foreign=FRAMEWORKS, instead=ON_ANY_BACKEND),
    "heads": Contract("head"),
    "baselines": Contract(
        "baseline",
        functions={"build": "build(task, *, depth=3)", "features": "features(images, scalars)"},
        limited=True,
        constants={"TASKS": '("regression",)'},
    ),
    "figures": Contract(
        "figure",
        functions={"draw": "draw(data)"},
        constants={"SCOPE": '"run"', "TASKS": '("regression",)', "TITLE": '"Errors"', "CAPTION": '"What it shows."'},
    ),
    "raw": Contract(
        "reader",
        functions={"read": "read(raw, options, threads)"},
        classes=("Options",),
        constants={"TASK": '"regression"', "INPUTS": '("redshift",)'},
    ),
    "mock": Contract(
        "simulator",
        functions={"simulate": "simulate(raw, options, *, threads=1)"},
        classes=("Options",),
        constants={"RAW_FILES": '{"catalogue": "catalogue.csv"}', "SMALL": '{"n_objects": 20}'},
    ),
}


def room_of(part: PlugIn) -> str:
    """Return the room that a plug-in is in."""
    return part.module.split(".")[1]


def known_in(room: str) -> Mapping[str, PlugIn]:
    """Return the plug-ins of a room, by name; of ``models`` without those that mix scalars in."""
    if room == "losses":
        return losses()
    return in_room(room, next(iter(CONTRACTS[room].functions), None))


def problems(part: PlugIn, known: Mapping[str, PlugIn]) -> Iterator[str]:
    """Find what a plug-in's file does not declare, or declares wrongly.

    Args:
        part: The plug-in.
        known: All plug-ins of its kind, by name.
    """
    found = part.faults or _problems(part, known)
    yield from (f"{part.file}: {problem}" for problem in found)


def unread(known: Mapping[str, PlugIn]) -> str:
    """Return a hint at files of a kind that cannot be read: a name that is not known may stand there."""
    files = dict.fromkeys(part.file for part in known.values() if part.faults)
    return f" Hint: {', '.join(files)} cannot be read" if files else ""


def _problems(part: PlugIn, known: Mapping[str, PlugIn]) -> Iterator[str]:
    contract, tree = CONTRACTS[room_of(part)], syntax_tree(ROOT / part.file)
    yield from _documented(part, tree)
    yield from _imports(contract, tree)
    yield from _declared(contract, part, tree)
    if "function" in part.constants:
        yield from _loss(part, functions(tree)[part.constants["function"]])
    if contract.limited:
        yield from limits.problems(part.parameters, part.limits)
        parameters = {name for other in known.values() if other.module == part.module for name in other.parameters}
        for name in part.limits:
            if name not in parameters:
                yield f"LIMITS has {name!r}, which is no parameter.{nearest(name, sorted(parameters))}"
    for task in (*part.tasks, *((part.constants["TASK"],) if "TASK" in part.constants else ())):
        if task not in TASKS:
            yield unknown_name(part.name, "task", task, TASKS)
    if "SCOPE" in part.constants and part.constants["SCOPE"] not in SCOPES:
        yield unknown_name(part.name, "scope", part.constants["SCOPE"], SCOPES)


def _documented(part: PlugIn, tree: ast.Module) -> Iterator[str]:
    if not part.doc:
        what = f"of {part.name}" if "function" in part.constants else "of the file"
        yield f"the docstring {what} is missing; expected a line that says what it is, and its source"


def _imports(contract: Contract, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            if name.split(".")[0] in contract.foreign:
                yield f"line {node.lineno}: {name} is imported; expected {contract.instead}"


def _declared(contract: Contract, part: PlugIn, tree: ast.Module) -> Iterator[str]:
    """Find functions, classes and constants that are missing, and parameters that stand in the wrong place."""
    known, expressions = functions(tree), assigned(tree)
    for name, signature in contract.functions.items():
        if name not in known:
            yield f"no function {name!r} found; expected {signature}.{nearest(name, list(known))}"
        else:
            yield from _signature(known[name], signature)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} | _imported(tree)
    for name in contract.classes:
        if name not in classes:
            yield f"no class {name!r} found; expected its settings: class {name}(Settings)"
    for name, example in contract.constants.items():
        if name in part.constants:
            continue
        if name in expressions:
            yield f"{name} is computed; expected a literal value, since it is read without import: {name} = {example}"
        else:
            yield f"{name} is missing; expected e.g. {name} = {example}"


def _imported(tree: ast.Module) -> set[str]:
    nodes = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def _signature(function: ast.FunctionDef, signature: str) -> Iterator[str]:
    """Compare a function's parameters with an example of its signature: what is positional, what has a default."""
    (example,) = ast.parse(f"def {signature}: ...").body
    assert isinstance(example, ast.FunctionDef)
    expected, found = example.args, function.args
    names = [item.arg for item in (*found.posonlyargs, *found.args)]
    count = len(expected.args)
    if len(names) < count:
        yield f"{function.name}({', '.join(names)}) found; expected {signature}"
    for name in names[count:]:
        yield f"{function.name}: the parameter {name!r} is positional; expected it behind a *, as in {signature}"
    if found.vararg or found.kwarg:
        yield f"{function.name}: * or ** parameters found; expected each by its name, as in {signature}"
    lacking = [item.arg for item, value in zip(found.kwonlyargs, found.kw_defaults, strict=True) if value is None]
    for name in lacking:
        if name != "seed":  # a baseline is given it
            yield f"{function.name}: the parameter {name!r} has no default; expected one, as in {signature}"


def _loss(part: PlugIn, function: ast.FunctionDef) -> Iterator[str]:
    for name, example in (("head", '"point"'), ("tasks", '("regression",)')):
        if name not in part.constants:
            yield f"{part.name}: {name} is missing; expected e.g. @loss({name}={example}, ...)"
    if "head" in part.constants:
        if part.constants["head"] not in heads():
            yield unknown_name(part.name, "head", part.constants["head"], heads())
        else:
            head = heads()[part.constants["head"]]
            yield from (f"{part.name}: its head cannot be read: {head.file}: {fault}" for fault in head.faults)
    arguments = function.args
    without = [item.arg for item in arguments.args[: len(arguments.args) - len(arguments.defaults)]]
    if len(without) != 2:
        yield f"{part.name}({', '.join(without)}) without defaults found; expected (y_true, y_pred, delta=1.0)"
