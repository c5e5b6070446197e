"""Allowed values of a plug-in's parameters: declared in its file, checked before any job, shown in the docs.

``LIMITS`` in the file of a model, loss or baseline gives a limit for every parameter, as a literal that is read without
import, e.g. ``{"rate": {"at_least": 0, "below": 1}, "activation": {"one_of": ["leaky_relu", "prelu"]}}``. A limit has:

- ``at_least``, ``above``, ``at_most``, ``below``: the ends of a range, for every number of a list too
- ``one_of``: the allowed words
- ``kind``: required where the default is None, which then means "not given": ``number``, ``numbers`` (a list) or
  ``numbers by class`` (a list, or class: number)

An empty limit allows every value of the default's kind: true or false, any integer, any finite number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

ENDS = {"at_least": "of at least", "above": "above", "at_most": "of at most", "below": "below"}
NUMBERS, BY_CLASS = "numbers", "numbers by class"
KINDS = ("number", NUMBERS, BY_CLASS)

Limit = Mapping[str, Any]


def canonical(value: Any, default: Any, limit: Limit) -> Any:
    """Return a value as its default is written, so that 1, 1.0 and the text 1e0 (as YAML reads it) have one name.

    Args:
        value: As a config gives it.
        default: Of the parameter.
        limit: Of the parameter.

    Raises:
        ValueError: The value is not allowed; the message says what is expected.
    """
    if (value is None and default is None) or (isinstance(value, str) and value in limit.get("one_of", ())):
        return value
    try:
        return _read(value, default, limit)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(described(default, limit)) from None


def described(default: Any, limit: Limit) -> str:
    """Return what is allowed, in words: ``an integer of at least 1``, ``'leaky_relu' or 'prelu'``."""
    kind = _kind(default, limit)
    span = " and ".join(f"{word} {limit[end]}" for end, word in ENDS.items() if end in limit)
    words = [repr(word) for word in limit.get("one_of", ())]
    if kind == NUMBERS:
        words.append(f"a list of numbers {span}".rstrip())
    elif kind == BY_CLASS:
        words.append(f"numbers {span}".rstrip() + " as a list or by class")
    elif kind in ("number", "integer"):
        words.append(f"{'an' if kind == 'integer' else 'a'} {kind} {span}".rstrip())
    elif kind == "true or false":
        words.append(kind)
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def check(parameters: Mapping[str, Any], limits: Mapping[str, Limit], given: Mapping[str, Any]) -> None:
    """Check values that a plug-in is given.

    Args:
        parameters: Name -> default.
        limits: Name -> limit.
        given: Name -> value, of some parameters.

    Raises:
        ValueError: A value is not allowed.
    """
    for name, found in given.items():
        value = found.tolist() if hasattr(found, "tolist") else found  # of numpy
        try:
            canonical(value, parameters[name], limits[name])
        except ValueError as error:
            raise ValueError(f"{name}: {value!r} found; expected {error}") from None


def problems(parameters: Mapping[str, Any], limits: Mapping[str, Limit]) -> Iterator[str]:
    """Find what is wrong with the limits that a file declares.

    Args:
        parameters: Name -> default.
        limits: ``LIMITS`` of the file.
    """
    lacking = [name for name in parameters if name not in limits]
    if lacking:
        yield f"LIMITS lacks {', '.join(lacking)}"
    for name in (name for name in parameters if name in limits):
        limit, default = limits[name], parameters[name]
        known = [*ENDS, "one_of", "kind"]
        unknown = [key for key in limit if key not in known] if isinstance(limit, Mapping) else [limit]
        if unknown:
            yield f"LIMITS: {name}: {unknown[0]!r} found; expected a mapping of {', '.join(known)}"
        elif default is None and limit.get("kind") not in KINDS:
            yield f"LIMITS: {name}: kind {limit.get('kind')!r} found; expected {', '.join(KINDS)}: its default is None"
        elif not described(default, limit):
            yield f"LIMITS: {name}: {limit!r} found; expected one_of, since its default is {default!r}"
        else:
            try:
                canonical(default, default, limit)
            except ValueError as error:
                yield f"the default {default!r} of {name} is not allowed by LIMITS; expected {error}"


def _kind(default: Any, limit: Limit) -> str:
    if isinstance(default, bool):
        return "true or false"
    names = {int: "integer", float: "number", tuple: NUMBERS, list: NUMBERS}
    return limit.get("kind") or names.get(type(default), "")


def _read(value: Any, default: Any, limit: Limit) -> Any:
    kind = _kind(default, limit)
    if kind == "true or false" and isinstance(value, bool):
        return value
    if kind == "integer" and not isinstance(value, bool | float) and int(value) == value:
        return _in_range(value, limit)
    if kind == "number":
        return _in_range(_number(value, 0.0), limit)
    if kind == BY_CLASS and isinstance(value, Mapping):  # YAML reads the number of a class as a number
        return {str(key): _in_range(_number(item, default), limit) for key, item in value.items()}
    if kind in (NUMBERS, BY_CLASS) and isinstance(value, tuple | list) and value:
        return (type(default) if default else list)(_in_range(_number(item, default), limit) for item in value)
    raise ValueError


def _number(value: Any, default: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    return value if default is None and not isinstance(value, str) else float(value)


def _in_range(value: float, limit: Limit) -> float:
    inside = {
        "at_least": lambda end: value >= end,
        "above": lambda end: value > end,
        "at_most": lambda end: value <= end,
        "below": lambda end: value < end,
    }
    if not all(holds(limit[end]) for end, holds in inside.items() if end in limit):
        raise ValueError
    return value
