"""What every block of the config is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from skybake import plugins


class Settings(BaseModel):
    """A block of settings: unknown keys are errors, values are not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_the_default(cls, given: Any) -> Any:
        return cls.without_nulls(given)

    @classmethod
    def without_nulls(cls, given: Any) -> Any:
        """Leave out keys that are null, as YAML has them when all below is commented out: their defaults hold.

        Where a key may be null, null is a value and stays; with an unknown key it stays too, for an error to name it.
        """
        if not isinstance(given, dict):
            return given
        fields = {field.alias or name: field.annotation for name, field in cls.model_fields.items()}
        return {key: value for key, value in given.items() if value is not None or _may_be_null(fields.get(key))}

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, given: Any) -> Any:
        for name, field in cls.model_fields.items() if isinstance(given, dict) else ():
            value, kinds = given.get(field.alias or name), {field.annotation, *get_args(field.annotation)}
            if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:  # pydantic would take 1 or 0
                raise ValueError(f"{field.alias or name}: {value} found; expected a number")
        return given


def _may_be_null(annotation: Any) -> bool:
    return annotation in (None, Any) or not {None, NoneType}.isdisjoint(get_args(annotation))


@dataclasses.dataclass(frozen=True)
class ShortForms:
    """Marks a union of blocks with a discriminator: a bare name is that block with its defaults, `{name: {...}}` too.

    It stands for checks and for the JSON schema alike: ``Annotated[A | B, Field(discriminator="name"),
    ShortForms("name", usual="a")]``.

    Attributes:
        tag: Key that tells the blocks apart, the discriminator.
        usual: Its value where a block does not say it.
        unread: Values whose files cannot be read, and why.
    """

    tag: str
    usual: str
    unread: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        blocks = self.blocks(union)
        names, block = core_schema.literal_schema(list(blocks)), handler(union)
        parameters = core_schema.nullable_schema(core_schema.dict_schema(core_schema.str_schema()))
        named = core_schema.dict_schema(names, parameters, min_length=1, max_length=1)
        return core_schema.no_info_before_validator_function(
            lambda given: self._readable(self.in_full(given, blocks)),
            block,
            json_schema_input_schema=core_schema.union_schema([names, block, named]),
        )

    def _readable(self, given: Any) -> Any:
        if isinstance(given, dict) and (name := str(given[self.tag])) in self.unread:
            raise ValueError(self.unread[name])
        return given

    def blocks(self, union: Any) -> dict[str, type[Settings]]:
        """Return name -> block of a union."""
        return {name: block for block in get_args(union) for name in get_args(block.model_fields[self.tag].annotation)}

    def in_full(self, given: Any, blocks: Mapping[str, type[Settings]]) -> Any:
        """Return what the config has as a block with its name; what is none of the short forms, as it is."""
        if isinstance(given, str):
            return {self.tag: given}
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            ((name, inner),) = given.items()
            known = {field.alias or key for block in blocks.values() for key, field in block.model_fields.items()}
            if name not in known and (inner is None or (isinstance(inner, dict) and self.tag not in inner)):
                return {self.tag: name, **(inner or {})}
        return {self.tag: self.usual, **given}


def one_of(room: str, function: str, *, tag: str, usual: str) -> Any:
    """Return the type of a block that names a file of a room and has its ``Options``; a bare name takes the defaults.

    A file that cannot be read, or has no such ``Options``, stops only a config that names it.

    Args:
        room: A folder of the library.
        function: What a file of the room must have.
        tag: Key that names the file.
        usual: The file that is meant where the block does not say it.
    """
    blocks, unread = [], {}
    for name, part in plugins.in_room(room, function).items():
        fault = "; ".join(part.faults)
        try:
            block = None if fault else getattr(part.load(), "Options", None)
        except Exception as error:  # whatever the file raises is what is wrong with it
            fault = f"{type(error).__name__}: {error}"
        fault = fault or tag_fault(block, tag, name)
        if fault:
            unread[name] = f"{part.file}: {fault}"
        else:
            blocks.append(block)
    return Annotated[Union[tuple(blocks)], Field(discriminator=tag), ShortForms(tag, usual, unread)]  # noqa: UP007


def tag_fault(block: Any, tag: str, name: str) -> str:
    """Return what is wrong with the setting of a block that must have one value, the name of its file; or nothing."""
    found = getattr(block, "model_fields", {}).get(tag)
    if found is not None and get_args(found.annotation) == (name,):
        return ""
    said = "none" if found is None else found.annotation
    return f'Options.{tag}: {said} found; expected Literal["{name}"], the file\'s name'
