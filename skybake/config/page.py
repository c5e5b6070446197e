"""Writes ``schemas/config.schema.json`` and ``docs/config.md`` from the config's classes: ``make docs``."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from skybake import limits, plugins
from skybake.config.blocks import Config
from skybake.settings import Settings, ShortForms

ENDS = {"ge": "at_least", "gt": "above", "le": "at_most", "lt": "below"}  # of a range, as pydantic calls them
SCHEMA = plugins.ROOT / "schemas" / "config.schema.json"
PAGE = plugins.ROOT / "docs" / "config.md"
HEAD = """# What the config may say

This page is made from `skybake/config/`, the rooms' settings and the surveys' own options by `make docs`. A bake-off
is one YAML file, given by `--configfile`; without it `config.yaml` is taken. A wrong key, name or value stops before
any job, and the message says what is allowed: `python -m skybake check FILE` says it in a second. A block with a name
is written `{name: sgd, momentum: 0.9}` or `{sgd: {momentum: 0.9}}`. Of several files, a later one replaces keys of an
earlier one, and the terminal names them.
"""
MODELS = """A model stands by its name, or by its name with parameters: `{vgg6: {dense_dropout: 0.3}}`. Losses:
[losses.md](losses.md)."""
MIXED = plugins.PlugIn(
    f"{plugins.MIXED}<model>",
    "",
    plugins.MIXED_PARAMETERS,
    limits=plugins.MIXED_LIMITS,
    doc="Any model, joined with the dataset's `inputs`; it has the model's parameters and these.",
)
BASELINES = """Trivial predictors, named as models are. One that uses the seed is fitted for every seed; the others
are fitted once, and their rows have one seed and no spread over seeds."""


def schema() -> str:
    """Return the JSON schema of the config."""
    found = Config.model_json_schema(schema_generator=_AsRead)
    _allow_nulls(found)
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


class _AsRead(GenerateJsonSchema):
    """Allows what pydantic reads as a number, or as true or false: YAML 1.1 and 1.2 differ in 1e-3 and in yes."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _or_text(super().float_schema(schema), r"^\s*[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$")

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        found = super().int_schema(schema)
        return found if schema.get("strict") else _or_text(found, r"^\s*[-+]?\d[\d_]*(\.0*)?\s*$")

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        words = ("true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0")
        any_case = ("".join(f"[{letter}{letter.upper()}]" for letter in word) for word in words)
        either = _or_text(super().bool_schema(schema), f"^({'|'.join(any_case)})$")
        return {"anyOf": [either, {"enum": [0, 1]}]}


def _or_text(node: JsonSchemaValue, pattern: str) -> JsonSchemaValue:
    return {**node, "type": [node["type"], "string"], "pattern": pattern}


def _allow_nulls(node: JsonSchemaValue) -> None:
    """Allow null for every key that may be left out: the config takes both alike."""
    for name, inner in node.get("properties", {}).items():
        if name not in node.get("required", ()):
            node["properties"][name] = _or_null(inner)
    for key, inner in node.items():
        if key in ("$defs", "properties", "patternProperties"):
            for each in inner.values():
                _allow_nulls(each)
        elif key in ("anyOf", "oneOf"):
            for each in inner:
                _allow_nulls(each)
        elif key in ("items", "additionalProperties") and isinstance(inner, dict):
            _allow_nulls(inner)


def _or_null(node: JsonSchemaValue) -> JsonSchemaValue:
    about: JsonSchemaValue = {key: node[key] for key in ("title", "description", "default") if key in node}
    kind = {key: value for key, value in node.items() if key not in about}
    null = {"type": "null"}
    options = kind["anyOf"] if list(kind) == ["anyOf"] else [kind]
    return node if null in options or not kind else {"anyOf": [*options, null], **about}


def page() -> str:
    """Return the documentation of the config, as Markdown."""
    blocks = list(_blocks("config", Config, set()))
    for room, title, function in (
        ("raw", "datasets.*.options", "read"),
        ("mock", "datasets.*.mock", "simulate"),
    ):
        for name, part in plugins.in_room(room, function).items():
            blocks.append(_block(f"{title}, survey `{name}`", part.load().Options))
    for name, part in plugins.in_room("raw", "read").items():
        survey = part.load()
        forms = getattr(survey, "RAW_FORMS", (tuple(survey.RAW),))
        needed = {key: "required" if len(forms) == 1 else "one form" for form in forms for key in form}
        rows = [f"| `{key}` | path | {needed.get(key, 'none')} | the {text} |" for key, text in survey.RAW.items()]
        either = " or ".join(" with ".join(f"`{key}`" for key in form) for form in forms)
        text = "Your own files" + (f" in one form: {either}." if len(forms) > 1 else ".")
        blocks.append(_table(f"datasets.*.raw, survey `{name}`", text, rows))
    blocks.append(_parts("bakeoffs.*.models", MODELS, [*plugins.in_room("models", "build").values(), MIXED]))
    blocks.append(_parts("bakeoffs.*.baselines", BASELINES, plugins.in_room("baselines", "build").values()))
    return HEAD + "".join(blocks)


def _parts(title: str, text: str, parts: Iterable[plugins.PlugIn]) -> str:
    """Return the table of plug-ins and their parameters."""
    rows = []
    for part in parts:
        said = part.doc.split("\n")[0].replace("|", "\\|").replace("``", "`")
        if part.tasks:
            seeds = "for every seed" if part.seeded else "once"
            said += f" For {' and '.join(part.tasks)}; fitted {seeds}."
        rows.append(f"| `{part.name}` | | | {said} |")
        rows += [
            f"| &nbsp;&nbsp;`{name}` | {limits.described(default, part.limits[name])} | `{json.dumps(default)}` | |"
            for name, default in part.parameters.items()
        ]
    return _table(title, text, rows)


def _blocks(title: str, block: type[Settings], seen: set[type]) -> Iterator[str]:
    if block in seen:
        return
    seen.add(block)
    yield _block(title, block)
    for name, info in block.model_fields.items():
        for inner, many in _inner(info.annotation):
            path = f"{name}{'.*' if many else ''}"
            place = path if title == "config" else f"{title.split(',')[0]}.{path}"
            tags = inner.model_fields.get("strategy") or inner.model_fields.get("name")
            yield from _blocks(f"{place}, `{get_args(tags.annotation)[0]}`" if tags else place, inner, seen)


def _inner(kind: Any, many: bool = False) -> Iterator[tuple[type[Settings], bool]]:
    if isinstance(kind, type) and issubclass(kind, Settings):
        yield kind, many
    for inner in get_args(kind):
        yield from _inner(inner, many or get_origin(kind) is dict)


def _block(title: str, block: type[Settings]) -> str:
    rows = [
        f"| `{info.alias or name}` | {_kinds(info)} | {_default(info)} | {info.description or ''} |"
        for name, info in block.model_fields.items()
    ]
    return _table(title, (block.__doc__ or "").strip(), rows)


def _table(title: str, text: str, rows: list[str]) -> str:
    return "\n".join(["", f"## {title}", "", text, "", "| key | value | default | |", "|---|---|---|---|", *rows, ""])


def _kinds(info: FieldInfo) -> str:
    short = any(isinstance(mark, ShortForms) for mark in info.metadata)
    kind = f"name or {_kind(info.annotation)}" if short else _kind(info.annotation)
    first, *others = kind.split(" or ")
    span = _span(info.metadata) if first in ("number", "integer") else ""
    return " or ".join([f"{first} {span}".rstrip(), *others])


def _span(marks: Iterable[Any]) -> str:
    """Return the range of a number in words: ``above 0 and of at most 60``; empty where there is none."""
    ends = [(name, getattr(mark, end)) for mark in marks for end, name in ENDS.items() if hasattr(mark, end)]
    return " and ".join(f"{limits.ENDS[name]} {value:g}" for name, value in ends)


def _kind(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        span = _span(item for mark in inner[1:] for item in getattr(mark, "metadata", [mark]))
        return f"{_kind(inner[0])} {span}" if span and inner[0] in (int, float) else _kind(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(item) for item in inner))
    if isinstance(kind, type) and issubclass(kind, Settings):
        return "block"
    if origin is list or origin is tuple:
        return f"list of {_kind(inner[0])}"
    if origin is dict:
        return f"{_kind(inner[1])} by name" if inner[1] is not Any else "block"
    if kind is type(None):
        return "null"
    if inner:
        return ", ".join(f"`{item}`" for item in inner)
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "Path": "path"}.get(
        kind.__name__, kind.__name__
    )


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default = info.get_default(call_default_factory=True)
    if isinstance(default, Settings):
        return "its defaults"
    return f"`{json.dumps(default)}`"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
