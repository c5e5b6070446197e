"""The scalars that are given beside the image: those of a dataset, and those that a formula makes of them.

A formula has names of scalars, numbers, ``+ - * /``, brackets and the functions of :data:`FUNCTIONS`. A name that is no
word stands in backticks or quotes: ``ln(`S/N`)``. One definition gives the values of training, baselines and
attributions (numpy) and those of ``predictor.keras`` (``keras.ops``).
"""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from skybake.missing import LARGEST, known

FUNCTIONS = {  # in a formula -> of numpy and keras.ops
    "ln": "log",
    "log10": "log10",
    "sqrt": "sqrt",
    "exp": "exp",
    "asinh": "arcsinh",
    "abs": "absolute",
}
SIGNS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
GRAMMAR = f"names of scalars, numbers, + - * /, brackets, {', '.join(FUNCTIONS)}"
LONGEST, DEEPEST = 500, 50  # letters of a formula, steps within one another
_WORD = re.compile(r"[^\W\d]\w*")


class InputError(ValueError):
    """A formula that cannot be read, or a scalar that a dataset does not have."""


@dataclass(frozen=True)
class _Step:
    """An operation of numpy and ``keras.ops``, and what it is done to."""

    operation: str
    of: tuple[_Node, ...]


_Node = float | str | _Step  # a number, the name of a scalar, or what is made of such


@dataclass(frozen=True)
class Formula:
    """How an input is made of scalars.

    Attributes:
        text: As given.
        node: As read.
        names: The scalars that it needs, in the order of the text.
    """

    text: str
    node: _Node
    names: tuple[str, ...]

    def values(self, scalars: Mapping[str, Any], ops: Any = np) -> Any:
        """Return the values, of the shape of the scalars; NaN where they are missing.

        That is where a scalar is NaN, and where any step has no number below 1e18: a logarithm of what is not above 0,
        a division by 0.

        Args:
            scalars: Name -> values, NaN where missing.
            ops: The functions of arrays: numpy's, or ``keras.ops``.
        """
        with np.errstate(all="ignore"):
            return _values(self.node, scalars, ops)


def _values(node: _Node, scalars: Mapping[str, Any], ops: Any) -> Any:
    if isinstance(node, float):
        return node
    if isinstance(node, str):
        return scalars[node]
    found = getattr(ops, node.operation)(*(_values(part, scalars, ops) for part in node.of))
    return ops.where(ops.less_equal(ops.absolute(found), LARGEST), found, math.nan)


@cache
def read(text: str) -> Formula:
    """Read a formula.

    Raises:
        InputError: It is none; the message has the place in the text.
    """
    tree, source = parsed(text)
    try:
        found = formula(tree, source)
    except InputError as error:
        raise InputError(f"{text!r}, {error}") from None
    if not found.names:
        raise InputError(f"{text!r} is the same for every object; expected a formula with the name of a scalar")
    return replace(found, text=text)


def parsed(text: str) -> tuple[ast.expr, str]:
    """Return the tree of a formula or condition, nothing of which is run, and the text that its places are in.

    Raises:
        InputError: It is too long, or no expression.
    """
    if len(text) > LONGEST:
        raise InputError(f"a formula of {len(text)} letters; expected at most {LONGEST}")
    source = re.sub(r"`([^`]*)`", lambda found: repr(found[1]), " ".join(text.splitlines())).strip()
    try:
        return ast.parse(source, mode="eval").body, source
    except SyntaxError as error:
        raise InputError(f"{text!r}, place {error.offset or 1}: {error.msg}; expected {GRAMMAR}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{text!r} cannot be read ({error}); expected {GRAMMAR}") from None


def formula(tree: ast.expr, source: str) -> Formula:
    """Return the formula of a tree, or of a part of one; it may be a number alone.

    Raises:
        InputError: It has what no formula may have; the message has the place in the text.
    """
    try:
        node = _read(tree, source)
    except (RecursionError, MemoryError) as error:
        raise InputError(f"cannot be read ({error}); expected {GRAMMAR}") from None
    return Formula(source, node, tuple(dict.fromkeys(_names(node))))


def _names(node: _Node) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, _Step):
        for part in node.of:
            yield from _names(part)


def _read(node: ast.expr, source: str, deep: int = 0) -> _Node:
    place, what = f"place {node.col_offset + 1}", ast.get_source_segment(source, node) or ""
    if deep > DEEPEST:
        raise InputError(f"{place}: more than {DEEPEST} steps within one another; expected a shorter formula")
    if isinstance(node, ast.Name):
        return what  # not node.id, of which Python changes letters
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node.value:
            return node.value
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return _number(node.value, place)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _read(node.operand, source, deep + 1)
        return inner if isinstance(node.op, ast.UAdd) else _step("negative", inner, place=place)
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        return _step(
            SIGNS[type(node.op)], _read(node.left, source, deep + 1), _read(node.right, source, deep + 1), place=place
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.BitXor):
        raise InputError(f"{place}: a power found; expected {GRAMMAR}. Hint: x * x, or exp(3 * ln(x))")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id not in FUNCTIONS:
            raise InputError(
                f"{place}: no function {node.func.id!r}; known: {', '.join(FUNCTIONS)}."
                + (" Hint: ln is the natural logarithm" if node.func.id == "log" else _near(node.func.id, FUNCTIONS))
            )
        if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
            raise InputError(f"{place}: {what} found; expected one value in the brackets of {node.func.id}")
        return _step(FUNCTIONS[node.func.id], _read(node.args[0], source, deep + 1), place=place)
    raise InputError(f"{place}: {what} found; expected {GRAMMAR}")


def _step(operation: str, *parts: _Node, place: str) -> _Node:
    """Return a step; the number itself where all parts are numbers."""
    numbers = [part for part in parts if isinstance(part, float)]
    if len(numbers) < len(parts):
        return _Step(operation, parts)
    with np.errstate(all="ignore"):
        return _number(getattr(np, operation)(*map(np.float64, numbers)), place)


def _number(value: Any, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= LARGEST:
        raise InputError(f"{place}: {number:g} found; expected a number of at most {LARGEST:g}")
    return number


def _near(name: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return f" Did you mean {near[0]!r}?" if near else ""


def described(names: Sequence[str], derived: Mapping[str, str]) -> list[str]:
    """Return inputs in words: the name of a scalar, or ``ln_z = ln(redshift)``."""
    return [f"{name} = {derived[name]}" if name in derived else name for name in names]


@dataclass(frozen=True)
class Inputs:
    """The scalars that are given beside the image.

    Attributes:
        names: In their order.
        derived: Name -> formula, of those that are no scalars of the dataset.
        kinds: Scalar of the dataset -> its kind (:data:`skybake.data.columns.KINDS`), as far as is known.
    """

    names: tuple[str, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> tuple[str, ...]:
        """The scalars of the dataset that they need, each once."""
        needed = (read(self.derived[name]).names if name in self.derived else (name,) for name in self.names)
        return tuple(dict.fromkeys(raw for names in needed for raw in names))

    def check(self, scalars: Collection[str], key: str = "") -> None:
        """Find what a dataset does not have.

        Args:
            scalars: Names of its scalars.
            key: Of the dataset in the config, ``datasets.mine``; empty where it is not known.

        Raises:
            InputError: A scalar is not there, or a formula cannot be read or has the name of a scalar.
        """
        for name in self.names:
            place = f"{key}.derived.{name}" if name in self.derived else f"{key}.inputs"
            place = place.removeprefix(".")
            if name in self.derived and name in scalars:
                raise InputError(f"{place}: the dataset has a scalar of this name; expected another name")
            for raw in read(self.derived[name]).names if name in self.derived else (name,):
                if raw not in scalars:
                    raise InputError(self._lacks(raw, place, name, scalars))

    def _lacks(self, raw: str, place: str, name: str, scalars: Collection[str]) -> str:
        formula = self.derived.get(name, "")
        told = f"; found {', '.join(sorted(scalars)) or 'none'}."
        if not formula:
            return f"{place}: no scalar {raw!r}{told}{_near(raw, [*scalars, *self.derived])}"
        if raw in self.derived:
            return f"{place}: {formula!r} has {raw!r}, which is derived itself{told} Hint: write out its formula"
        meant = [scalar for scalar in scalars if not _WORD.fullmatch(scalar) and scalar in formula]
        hint = f" Hint: a name that is no word stands in backticks: `{meant[0]}`" if meant else _near(raw, scalars)
        return f"{place}: no scalar {raw!r} of {formula!r}{told}{hint}"

    def values(self, scalars: Mapping[str, Any], ops: Any = np) -> dict[str, Any]:
        """Return all inputs by name, NaN where missing.

        Args:
            scalars: Name -> values of those that ``raw`` names.
            ops: The functions of arrays: numpy's, or ``keras.ops``.
        """
        seen = {
            name: ops.where(known(scalars[name], self.kinds.get(name, ""), ops), scalars[name], math.nan)
            for name in self.raw
        }
        return {
            name: read(self.derived[name]).values(seen, ops) if name in self.derived else seen[name]
            for name in self.names
        }


NO_INPUTS = Inputs()
