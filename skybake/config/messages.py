"""What is wrong with a config, in words: the key, what was found, what is allowed, the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skybake.settings import Settings


class ConfigError(ValueError):
    """A config that cannot be run; the message names every wrong key, its value and what is allowed."""


def message_of(problems: list[str]) -> str:
    """Return one message of all problems."""
    return "the config cannot be run:\n" + "\n".join(f"  {problem}" for problem in problems)


def nearest(name: object, allowed: Mapping | list | tuple) -> str:
    """Return a hint at the nearest allowed name; empty if none is near."""
    close = difflib.get_close_matches(str(name), [str(item) for item in allowed], n=1, cutoff=0.4)
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
    """Say of each problem that pydantic found: the key, the value, what is allowed."""
    problems = []
    for item in error.errors():
        place = [*prefix, *item["loc"]]
        key = _key(place)
        if item["type"] == "extra_forbidden":
            fields = _fields_at(root, item["loc"][:-1])
            problems.append(unknown_name(key, "key", place[-1], fields))
        elif item["type"] == "missing":
            problems.append(f"{key}: missing; expected {_fields_at(root, item['loc'][:-1])[place[-1]]}")
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
            problems.append(f"{key}: {item['input']!r} found; {item['msg'][0].lower()}{item['msg'][1:]}")
    return list(dict.fromkeys(problems))


_TAGS = {
    "holdout",
    "fractions",
    "group",
    "sky",
    "official",
    "adam",
    "sgd",
    "rmsprop",
    "constant",
    "cosine",
    "str",
    "dict[str,dict[str,any]]",
}


def _key(place: list[str | int]) -> str:
    """Write a place of the config as a person would: ``bakeoffs.demo.seeds[2]``."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step == "[key]":
            continue
        elif step not in _TAGS or text.endswith((".datasets", ".bakeoffs")) or text in ("datasets", "bakeoffs"):
            text += f".{step}" if text else step
    return text or "config"


def _fields_at(root: type[Settings], place: tuple) -> dict[str, str]:
    """Return the keys allowed at a place of the config, with their descriptions."""
    schema = root.model_json_schema()
    node: dict[str, Any] = schema
    for step in place:
        node = _resolved(node, schema)
        if "discriminator" in node and step in node["discriminator"]["mapping"]:
            node = {"$ref": node["discriminator"]["mapping"][step]}
        elif isinstance(step, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(step) or node.get("additionalProperties") or _values(node)
    node = _resolved(node, schema)
    return {name: item.get("description", "a value") for name, item in node.get("properties", {}).items()}


def _values(node: dict[str, Any]) -> dict[str, Any]:
    return next(iter(node.get("patternProperties", {}).values()), {})


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    options = [item for item in node.get("anyOf", []) if item.get("type") != "null"]
    if len(options) == 1:
        node = options[0]
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node
