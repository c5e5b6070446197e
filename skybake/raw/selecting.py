"""Which objects a dataset takes of those that can be used: by a condition on its columns, and at most a number."""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from skybake import inputs
from skybake.data.columns import Schema
from skybake.data.rejections import NOT_DRAWN, NOT_SELECTED, Rejection
from skybake.missing import known
from skybake.raw import Batch, RawError

Truth = np.ndarray | float  # 1, 0, or NaN where a value is missing
_Test = Callable[[Mapping[str, Any]], Truth]
SIGNS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


@dataclass(frozen=True)
class Condition:
    """What objects must fulfil.

    Attributes:
        text: As given.
        names: The columns that it needs, each once.
        test: Columns by name, NaN where missing -> 1 where it holds, 0 where not, NaN where a value is missing.
    """

    text: str
    names: tuple[str, ...]
    test: _Test

    def check(self, schema: Schema) -> None:
        """Find columns that a dataset does not have.

        Raises:
            RawError: One is neither a label nor a scalar.
        """
        columns = [*schema.labels, *schema.scalars]
        for name in self.names:
            if name not in columns:
                near = difflib.get_close_matches(name, columns, n=1, cutoff=0.4)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise RawError(f"where: no column {name!r} of {self.text!r}; found {', '.join(columns)}.{hint}")

    def against(self, batch: Batch, schema: Schema) -> dict[int, Rejection]:
        """Return place -> what is said against an object that is not selected."""
        kinds = {name: column.kind for name, column in {**schema.labels, **schema.scalars}.items()}
        columns = {}
        for name in self.names:
            values = np.asarray(batch.labels[name] if name in batch.labels else batch.scalars[name], dtype=np.float64)
            columns[name] = np.where(known(values, kinds[name]), values, math.nan)
        with np.errstate(all="ignore"):
            holds = np.broadcast_to(self.test(columns), len(batch))
        return {
            place: Rejection(
                int(batch.rows[place]),
                batch.id[place],
                NOT_SELECTED,
                ", ".join(
                    f"{name} is {'missing' if np.isnan(values[place]) else format(values[place], 'g')}"
                    for name, values in columns.items()
                ),
            )
            for place in np.flatnonzero(holds != 1).tolist()
        }


def condition(text: str) -> Condition:
    """Read a condition: formulas of :mod:`skybake.inputs` that are compared, joined by and, or, not.

    Raises:
        InputError: It is none; the message has the place in the text.
    """
    names: dict[str, None] = {}
    node, source = inputs.parsed(text)
    try:
        test = _read(node, source, names, 0)
    except inputs.InputError as error:
        raise inputs.InputError(f"{text!r}, {error}") from None
    if not names:
        raise inputs.InputError(f"{text!r} is the same for every object; expected a condition with a column's name")
    return Condition(text, tuple(names), test)


def _read(node: ast.expr, source: str, names: dict[str, None], deep: int) -> _Test:
    place, what = f"place {node.col_offset + 1}", ast.get_source_segment(source, node) or ""
    if deep > inputs.DEEPEST:
        raise inputs.InputError(f"{place}: more than {inputs.DEEPEST} steps within one another")
    if isinstance(node, ast.BoolOp):
        parts = [_read(part, source, names, deep + 1) for part in node.values]
        join = np.minimum if isinstance(node.op, ast.And) else np.maximum  # both keep NaN
        return lambda columns: _joined(join, [part(columns) for part in parts])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _read(node.operand, source, names, deep + 1)
        return lambda columns: 1 - inner(columns)
    if isinstance(node, ast.Compare) and all(type(sign) in SIGNS for sign in node.ops):
        sides = [inputs.formula(part, source) for part in (node.left, *node.comparators)]
        names.update(dict.fromkeys(name for side in sides for name in side.names))
        signs = [SIGNS[type(sign)] for sign in node.ops]

        def test(columns: Mapping[str, Any]) -> Truth:
            values = [side.values(columns) for side in sides]
            return _joined(np.minimum, [_compared(*pair) for pair in zip(signs, values, values[1:], strict=False)])

        return test
    raise inputs.InputError(
        f"{place}: {what} found; expected a comparison (< <= > >= == !=) of {inputs.GRAMMAR}, or and, or, not of such"
    )


def _joined(join: np.ufunc, parts: list[Truth]) -> Truth:
    found = parts[0]
    for part in parts[1:]:
        found = join(found, part)
    return found


def _compared(sign: Callable[[Any, Any], Any], left: Any, right: Any) -> Truth:
    return np.where(np.isnan(left) | np.isnan(right), math.nan, sign(left, right).astype(np.float64))


def not_drawn(objects: Iterable[tuple[int, str]], most: int, seed: int) -> dict[int, tuple[str, str]]:
    """Return row -> (reason, detail) of what is left out for there to be at most so many objects.

    The draw depends on the ids alone, not on the order of the rows: an object's lot is the hash of the seed and its id.

    Args:
        objects: (row, id) of each.
        most: How many are kept.
        seed: Of the draw.
    """
    lots = sorted(objects, key=lambda item: (blake2b(f"{seed} {item[1]}".encode()).digest(), item[1]))
    return {row: (NOT_DRAWN, f"{most} of {len(lots)} are, by seed {seed}") for row, _ in lots[most:]}
