"""What is wrong with a plug-in's file itself, read without import: told by the file's name, before any job.

:data:`CONTRACTS` has what every kind must declare; the docstring of its room says what that means. What only use can
show is checked by :mod:`skybake.testing`, which starts from here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from skybake import limits, metrics, plugins
from skybake.config.messages import nearest, unknown_name
from skybake.plugins import ROOT, TASKS, PlugIn, assigned, functions, heads, in_room, syntax_tree

SCOPES = ("run", "comparison", "explore", "inside", "apply", "difference")
FRAMEWORKS = ("tensorflow", "jax", "torch")
ON_ANY_BACKEND = "layers and keras.ops, since a bake-off may run on any backend"
IN_BINS, COMPARED = ("errors", "pit", "std", "distributions"), ("errors", "class_scores")  # metrics that may be so
OVER_DRAWS = ("points", "classes")  # metrics whose files say how an interval is made
LIMIT = {"label": "mass", "objects": 300}  # example
WITHOUT_FRAMEWORK = "numpy, since this step runs where no deep-learning framework is"


@dataclass(frozen=True)
class Contract:
    """What the files of a room must declare.

    Attributes:
        kind: What a file of it is called.
        functions: Name -> signature, of those that a file must have; the first one makes it a plug-in.
        marked: Decorator of functions, each of which is a plug-in; instead of ``functions``.
        classes: Name -> base, of classes that it must have.
        methods: Name -> signature and meaning, of what its class must have, unless it inherits.
        tag: The setting whose only value is the file's name, where it must have one.
        constants: Name -> example, of literal constants that it must have.
        limited: Whether its parameters are the config's to set, so that ``LIMITS`` has each of them.
        foreign: Packages that it must not import.
        instead: What it should use instead.
        late: Packages that it must import in functions alone, since the Snakefile imports the file.
    """

    kind: str
    functions: Mapping[str, str] = field(default_factory=dict)
    marked: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    constants: Mapping[str, str] = field(default_factory=dict)
    limited: bool = False
    foreign: tuple[str, ...] = (*FRAMEWORKS, "keras")
    instead: str = WITHOUT_FRAMEWORK
    late: tuple[str, ...] = ()


CONTRACTS = {
    "models": Contract(
        "model",
        functions={"build": "build(image, scalars=None, *, width=16)"},
        limited=True,
        foreign=FRAMEWORKS,
        instead=ON_ANY_BACKEND,
    ),
    "losses": Contract(
        "loss",
        marked='@loss(head="point", tasks=("regression",))',
        limited=True,
        foreign=FRAMEWORKS,
        instead=ON_ANY_BACKEND,
    ),
    "heads": Contract(
        "head",
        methods={
            "fit": "fit(cls, labels), which makes it for training labels",
            "prediction": "prediction(self, outputs), which turns outputs into a Prediction",
            "symbolic": "symbolic(self, outputs), what prediction does in keras.ops, for predictor.keras",
        },
        foreign=FRAMEWORKS,
        late=("keras",),
    ),
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
        classes={"Options": "Settings"},
        constants={"TASK": '"regression"', "INPUTS": '("redshift",)'},
    ),
    "mock": Contract(
        "simulator",
        functions={"simulate": "simulate(raw, options, *, threads=1)"},
        classes={"Options": "Settings"},
        constants={"RAW_FILES": '{"catalogue": "catalogue.csv"}', "SMALL": '{"n_objects": 20}'},
    ),
    "metrics": Contract("metric", marked='@metric(of="errors", head="Bias", said="mean of the errors")'),
    "training/images": Contract(
        "image step",
        functions={
            "apply": "apply(images, options, **numbers)",
            "symbolic": "symbolic(images, options, **numbers)",
        },
        classes={"Options": "Step"},
        tag="name",
        foreign=FRAMEWORKS,
        late=("keras",),
    ),
    "training/schedules": Contract(
        "schedule",
        functions={"rate": "rate(options, learning_rate, *, epochs, steps)"},
        classes={"Options": "Schedule"},
        tag="name",
        constants={"LENGTH_MATTERS": "True"},
        foreign=FRAMEWORKS,
        instead=ON_ANY_BACKEND,
        late=("keras",),
    ),
    "data/splits": Contract(
        "split strategy",
        functions={"parts": "parts(dataset, options)"},
        classes={"Options": "Strategy"},
        tag="strategy",
    ),
}


def room_of(part: PlugIn) -> str:
    """Return the room that a plug-in is in."""
    return "/".join(part.module.split(".")[1:-1])


def known_in(room: str) -> Mapping[str, PlugIn]:
    """Return the plug-ins of a room, by name; of ``models`` without those that mix scalars in."""
    if CONTRACTS[room].marked:
        return getattr(plugins, room)()
    return in_room(room, next(iter(CONTRACTS[room].functions), None))


def problems(part: PlugIn, known: Mapping[str, PlugIn]) -> Iterator[str]:
    """Find what a plug-in's file does not declare, or declares wrongly.

    Args:
        part: The plug-in.
        known: All plug-ins of its kind, by name.
    """
    found = part.faults or _problems(part, known)
    yield from (f"{part.file}: {problem}" for problem in found)


def doubles(known: Mapping[str, PlugIn]) -> Iterator[str]:
    """Find names that two files of a kind have: either could be meant."""
    for name, part in known.items():
        if part.twin:
            yield f"{part.twin} and {part.file}: both have {name}; expected another name in one of them"


def unread(known: Mapping[str, PlugIn]) -> str:
    """Return a hint at files of a kind that cannot be read: a name that is not known may stand there."""
    files = dict.fromkeys(part.file for part in known.values() if part.faults)
    return f" Hint: {', '.join(files)} cannot be read" if files else ""


def _problems(part: PlugIn, known: Mapping[str, PlugIn]) -> Iterator[str]:
    room, tree = room_of(part), syntax_tree(ROOT / part.file)
    contract = CONTRACTS[room]
    if room == "mock":
        yield from _limit(part, tree)
    if room == "models" and part.module.split(".")[-1].startswith(plugins.MIXED):
        yield f"the name begins with {plugins.MIXED!r}, as every model's form with scalars does; expected another one"
    yield from _documented(part, tree)
    yield from _imports(contract, tree)
    yield from _declared(contract, part, tree)
    if contract.marked:
        rules = {"losses": _loss, "metrics": _metric}[room]
        yield from rules(part, functions(tree)[part.constants["function"]])
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


def _limit(part: PlugIn, tree: ast.Module) -> Iterator[str]:
    """Find what is wrong with the limit that a simulator may tell."""
    expressions, known = assigned(tree), functions(tree)
    there = "limit" in known
    if there:
        yield from _signature(known["limit"], "limit(options, truth)")
    told = part.constants.get("LIMIT")
    if there != ("LIMIT" in expressions):
        have, lack = ("limit", "LIMIT") if there else ("LIMIT", "limit")
        yield f"{have} without {lack} found; expected both, or none: LIMIT = {LIMIT} and limit(options, truth)"
    elif there and not (isinstance(told, dict) and set(told) == set(LIMIT)):
        yield f"LIMIT is {told!r}; expected a literal mapping like {LIMIT}"


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
            elif node in tree.body and name.split(".")[0] in contract.late:
                yield f"line {node.lineno}: {name} is imported; expected it in functions: this file is read without it"


def _declared(contract: Contract, part: PlugIn, tree: ast.Module) -> Iterator[str]:
    """Find functions, classes and constants that are missing, and parameters that stand in the wrong place."""
    known, expressions = functions(tree), assigned(tree)
    for name, signature in contract.functions.items():
        if name not in known:
            yield f"no function {name!r} found; expected {signature}.{nearest(name, list(known))}"
        else:
            yield from _signature(known[name], signature)
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} | _imported(tree)
    for name, base in contract.classes.items():
        if name not in classes:
            yield f"no class {name!r} found; expected its settings: class {name}({base})"
    yield from _methods(contract, tree)
    for name, example in contract.constants.items():
        if name in part.constants:
            continue
        if name in expressions:
            yield f"{name} is computed; expected a literal value, since it is read without import: {name} = {example}"
        else:
            yield f"{name} is missing; expected e.g. {name} = {example}"


def _methods(contract: Contract, tree: ast.Module) -> Iterator[str]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    if any(node.bases for node in classes):
        return
    found = [item.name for node in classes for item in node.body if isinstance(item, ast.FunctionDef)]
    for name, expected in contract.methods.items():
        if name not in found:
            yield f"no method {name!r} found; expected {expected}.{nearest(name, found)}"


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
    if found.vararg or (found.kwarg and not expected.kwarg):
        yield f"{function.name}: * or ** parameters found; expected each by its name, as in {signature}"
    lacking = [item.arg for item, value in zip(found.kwonlyargs, found.kw_defaults, strict=True) if value is None]
    called = zip(expected.kwonlyargs, expected.kw_defaults, strict=True)
    given = {"seed", *(item.arg for item, value in called if value is None)}  # a baseline is given a seed
    for name in lacking:
        if name not in given and not expected.kwarg:
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
            if not head.faults:
                yield from (f"{part.name}: its head: {head.file}: {problem}" for problem in _problems(head, heads()))
    arguments = function.args
    without = [item.arg for item in arguments.args[: len(arguments.args) - len(arguments.defaults)]]
    if len(without) != 2:
        yield f"{part.name}({', '.join(without)}) without defaults found; expected (y_true, y_pred, delta=1.0)"


def _metric(part: PlugIn, function: ast.FunctionDef) -> Iterator[str]:
    """Find what a metric's decorator declares wrongly, and whether its function takes what it is given."""
    told = {key: value for key, value in part.constants.items() if key != "function"}
    known = {item.name: item for item in fields(metrics.Metric) if item.name not in ("name", "module")}
    for name in told:
        if name not in known:
            yield f"{part.name}: @metric has no {name!r}; allowed: {', '.join(known)}.{nearest(name, list(known))}"
    for name, item in known.items():
        if name not in told and item.default is MISSING:
            yield f"{part.name}: {name} is missing; expected e.g. {CONTRACTS['metrics'].marked}"
    for name, allowed in _allowed(part.name).items():
        if name in told and told[name] not in allowed:
            yield unknown_name(f"{part.name}: {name}", "choice", told[name], [item for item in allowed if item])
    expected = metrics.GIVEN.get(told.get("of", ""))
    if expected is None:
        return
    arguments = function.args
    names = [item.arg for item in arguments.args[: len(arguments.args) - len(arguments.defaults)]]
    if len(names) != len(expected) and not (told["of"] == "errors" and names[1:] == ["threshold"]):
        yield f"{part.name}({', '.join(names)}) found; expected {part.name}({', '.join(expected)})"
    yield from _of_draws(part, told)
    for name, kinds in (("in_bins", IN_BINS), ("compared", COMPARED)):
        if told.get(name) and told["of"] not in kinds:
            yield f"{part.name}: {name} found for {told['of']}; expected it for {', '.join(kinds)} alone"


def _of_draws(part: PlugIn, told: Mapping[str, Any]) -> Iterator[str]:
    interval, known = told.get("interval", False), functions(syntax_tree(ROOT / part.file))
    if told["of"] in OVER_DRAWS and interval is True:
        yield f"{part.name}: interval True found; expected the name of a function of draws, since it is of {told['of']}"
    elif told["of"] in OVER_DRAWS and interval and interval not in known:
        yield unknown_name(f"{part.name}: interval", "function", interval, known)
    elif told["of"] not in OVER_DRAWS and not isinstance(interval, bool):
        yield f"{part.name}: interval {interval!r} found; expected True or False, since it is of {told['of']}"


def _allowed(name: str) -> dict[str, tuple[str, ...]]:
    """Return the words that a metric may have for what it declares, by that."""
    others = ("", *(other for other in plugins.metrics() if other != name))
    return {
        "of": tuple(metrics.GIVEN),
        "shown": metrics.SHOWN,
        "form": metrics.FORMS,
        "kind": metrics.KINDS,
        "over_seeds": ("", "csv", "page"),
        "decimals_of": others,
    }
