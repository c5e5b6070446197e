"""The options of a file that a config names: each with what it means and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError

from skybake.config.contracts import CONTRACTS, room_of
from skybake.config.messages import validation_problems
from skybake.plugins import PlugIn
from skybake.settings import Settings, tag_fault

RANGE = ("gt", "ge", "lt", "le")


def problems(part: PlugIn, base: type[Settings]) -> Iterator[str]:
    """Find what is wrong with the class ``Options`` of a file.

    Args:
        part: The file.
        base: The class that it must be of.
    """
    contract = CONTRACTS[room_of(part)]
    options = part.load().Options
    if not (isinstance(options, type) and issubclass(options, base)):
        yield f"Options is no {base.__name__}; expected class Options({base.__name__})"
        return
    fault = tag_fault(options, contract.tag, part.name)
    if fault:
        yield fault
        return
    if not options.__dict__.get("__doc__"):
        yield "the docstring of Options is missing; expected a line that says what it does: docs/config.md has it"
    for name, field in options.model_fields.items():
        if name == contract.tag:
            continue
        if not field.description:
            yield f'Options.{name}: no description found; expected Field(..., description="What it is.")'
        if _is_number(field.annotation) and not any(hasattr(mark, end) for mark in field.metadata for end in RANGE):
            yield f"Options.{name}: no limits found; expected the allowed values, e.g. Field(1.0, gt=0)"
    try:
        options(**{contract.tag: part.name})
    except ValidationError as error:
        yield from (f"Options without values: {problem}" for problem in validation_problems(error, options))


def _is_number(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return False  # with its limits
    return kind in (int, float) or any(item in (int, float) for item in get_args(kind))
