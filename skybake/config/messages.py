"""What is wrong with a config, in words: the key, what was found, what is allowed, the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from skybake.config.hints import hint
from skybake.settings import Settings

EXPECTED = {  # pydantic's kind of error -> what is expected
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "an integer"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text",
    "path_type": "a path",
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "a block of keys and values"),
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
}


class ConfigError(ValueError):
    """A config that cannot be run; the message names every wrong key, its value and what is allowed."""


def message_of(problems: list[str]) -> str:
    """Return one message of all problems."""
    return "the config cannot be run:\n" + "\n".join(f"  {problem}" for problem in problems)


def nearest(name: object, allowed: Mapping | list | tuple) -> str:
    """Return a hint at the nearest allowed name; empty if none is near."""
    close = difflib.get_close_matches(str(name), [str(item) for item in allowed], n=1, cutoff=0.65)
    return f" Did you mean {close[0]!r}?" if close else ""


def near_files(path: Path) -> str:
    """Return a hint at files whose names are near that of a file that is not there; empty if there are none."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    if folder != path.parent:
        return f" There is no folder {str(path.parent)!r}; the nearest is {str(folder)!r}."
    near = difflib.get_close_matches(path.name, [item.name for item in folder.iterdir()], n=3, cutoff=0.6)
    return f" Near it: {', '.join(near)}." if near else ""


def unknown_name(key: str, kind: str, name: object, allowed) -> str:
    """Say that a name is not known, what is allowed, and which is nearest."""
    return f"{key}: no {kind} {name!r}; allowed: {', '.join(sorted(map(str, allowed)))}.{nearest(name, list(allowed))}"


def validation_problems(error: ValidationError, root: type[Settings], prefix: tuple = ()) -> list[str]:
    """Say of each problem that pydantic found: the key, the value, what is allowed.

    Args:
        error: What pydantic raised.
        root: The block that was checked.
        prefix: Where in the config the block stands.
    """
    problems: list[str] = []
    expected: dict[str, list[str]] = {}  # start of a problem -> what would do, one of a union each
    hints: dict[str, str] = {}
    for item in error.errors():
        place, _ = _written(root, item["loc"])
        _, block = _written(root, item["loc"][:-1])
        key = _key([*prefix, *place])
        if item["type"] == "extra_forbidden":
            problems.append(unknown_name(key, "key", place[-1], _keys(block)))
        elif item["type"] == "missing":
            problems.append(f"{key}: missing; expected {_keys(block)[place[-1]].description or 'a value'}")
        elif item["type"] == "union_tag_invalid":
            tag = item["ctx"]["discriminator"].strip("'")
            allowed = [name.strip("' ") for name in item["ctx"]["expected_tags"].split(",")]
            problems.append(unknown_name(f"{key}.{tag}", tag, item["ctx"]["tag"], allowed))
        elif item["type"] == "literal_error":
            allowed = item["ctx"]["expected"].replace("' or '", "', '").replace("'", "").split(", ")
            problems.append(unknown_name(key, "choice", item["input"], allowed))
        elif item["type"] == "value_error":
            problems.append(f"{key}: {item['ctx']['error']}")
        elif item["type"] == "string_pattern_mismatch":
            problems.append(
                f"{key}: {item['input']!r} found; expected letters, digits and _ . = + -, no space or slash"
            )
        else:
            start = f"{key}: {item['input']!r} found; expected "
            expected.setdefault(start, []).append(_expected(item))
            hints.setdefault(start, hint(item["type"], item["input"], item.get("ctx", {})))
            problems.append(start)

    def whole(start: str) -> str:
        more = hints.get(start)
        return f"{start}{' or '.join(dict.fromkeys(expected.get(start, ())))}{f'.{more}' if more else ''}"

    return [whole(problem) for problem in dict.fromkeys(problems)]


def _expected(item: Mapping[str, Any]) -> str:
    """Return what one of pydantic's errors says is expected."""
    if item["type"] in EXPECTED:
        return EXPECTED[item["type"]].format(**item.get("ctx", {}))
    said = item["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"{said[0].lower()}{said[1:]}"


def _key(place: Sequence[str | int]) -> str:
    """Write a place of the config as a person would: ``bakeoffs.demo.seeds[2]``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "config"


def _written(kind: Any, place: Sequence[str | int], tag: str | None = None) -> tuple[list[str | int], Any]:
    """Return the steps of pydantic's place that stand in the config, and the type of what is there.

    The others say which member of a union was tried, or that a key of a mapping is wrong rather than its value.

    Args:
        kind: Type of what the place starts from.
        place: As pydantic tells it.
        tag: Discriminator of that type, where it is a union that has one.
    """
    while get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
        tag = next((_tag(mark) for mark in marks if isinstance(mark, FieldInfo)), None) or tag
    members = [item for item in get_args(kind) if item is not NoneType] if _is_union(kind) else []
    if len(members) == 1:
        return _written(members[0], place, tag)
    if not place:
        return [], kind
    step, *rest = place
    if members:
        return _written(next((item for item in members if _is_called(item, step, tag)), Any), rest)
    inner: Any = Any
    tag = None
    if isinstance(kind, type) and issubclass(kind, Settings):
        field = _keys(kind).get(step)
        if field is not None:
            inner, tag = field.annotation, _tag(field)
    elif get_origin(kind) is dict:
        inner = get_args(kind)[1]
        rest = [] if rest == ["[key]"] else rest
    elif get_args(kind):
        inner = get_args(kind)[0]  # of a list or a tuple
    steps, end = _written(inner, rest, tag)
    return [step, *steps], end


def _tag(field: FieldInfo) -> str | None:
    return field.discriminator if isinstance(field.discriminator, str) else None


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _is_called(member: Any, step: str | int, tag: str | None) -> bool:
    """Tell whether pydantic calls the member of a union so: by its tag, where the union has one."""
    if tag is not None:
        return step in get_args(member.model_fields[tag].annotation)
    title = TypeAdapter(member).validator.title
    return step == title or str(step).endswith(f"(), {title}]")  # a member with a check of its own


def _keys(block: Any) -> dict[str | int, FieldInfo]:
    """Return the keys that a block may have."""
    fields = block.model_fields if isinstance(block, type) and issubclass(block, Settings) else {}
    return {field.alias or name: field for name, field in fields.items()}
