"""What was meant by a value of the wrong kind, where it can be told: how to write it instead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

_A_LIST = ("list_type", "tuple_type")
_A_NUMBER = ("int_type", "int_parsing", "int_from_float", "float_type", "float_parsing")


def hint(kind: str, given: Any, limits: Mapping[str, Any]) -> str:
    """Return a hint how to write a value; empty where nothing is near.

    Args:
        kind: Of the problem, as pydantic calls it.
        given: What was found.
        limits: What pydantic tells beside it, e.g. ``{"lt": 1}``.
    """
    if kind in _A_LIST and (written := _as_list(given)):
        return f" Hint: {written}"
    if kind in _A_NUMBER and (number := _number(given, whole=kind.startswith("int"))) is not None:
        return f" Hint: {number!r}"
    if kind == "less_than" and limits.get("lt") == 1 and isinstance(given, int | float) and 2 < given < 100:
        return f" Hint: {given / 100:g} is {given:g} %"
    if kind == "string_type" and isinstance(given, bool):
        return " Hint: YAML reads yes, no, on and off as true and false; write the word in quotes"
    if kind == "string_type" and isinstance(given, int | float | date):
        return f" Hint: '{given}' in quotes"
    return ""


def _as_list(given: Any) -> str:
    if isinstance(given, Mapping):
        items = [{name: value} if value else name for name, value in given.items()]
    elif isinstance(given, str | int | float):
        items = [part.strip() for part in given.split(",")] if isinstance(given, str) else [given]
    else:
        return ""
    return yaml.safe_dump(items, default_flow_style=True, width=1000).strip()


def _number(given: Any, *, whole: bool) -> int | float | None:
    """Return the number that a text, or a number with a point, stands for; None where there are two readings."""
    if isinstance(given, str) and given.count(",") == 1 and "." not in given:
        before, after = given.split(",")
        given = given.replace(",", ".") if len(after) != 3 or before.strip() in ("0", "-0", "") else given
    try:
        number = float(given)
    except (TypeError, ValueError):
        return None
    if not whole:
        return number
    return int(number) if number.is_integer() else None
