"""What every block of the config is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from skybake import plugins


class Settings(BaseModel):
    """A block of settings: unknown keys are errors, values are not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, given: Any) -> Any:
        for name, field in cls.model_fields.items() if isinstance(given, dict) else ():
            value, kinds = given.get(field.alias or name), {field.annotation, *get_args(field.annotation)}
            if isinstance(value, bool) and kinds & {int, float} and bool not in kinds:  # pydantic would take 1 or 0
                raise ValueError(f"{field.alias or name}: {value} found; expected a number")
        return given


@dataclass(frozen=True)
class ShortForms:
    """Marks a union of blocks with a discriminator: a bare name is that block with its defaults.

    It stands for checks and for the JSON schema alike: ``Annotated[A | B, Field(discriminator="name"),
    ShortForms("name", usual="a")]``.

    Attributes:
        tag: Key that tells the blocks apart, the discriminator.
        usual: Its value where a block does not say it.
    """

    tag: str
    usual: str

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        names = [name for block in get_args(union) for name in get_args(block.model_fields[self.tag].annotation)]
        block = handler(union)
        either = core_schema.union_schema([core_schema.literal_schema(names), block])
        return core_schema.no_info_before_validator_function(self._in_full, block, json_schema_input_schema=either)

    def _in_full(self, given: Any) -> Any:
        if isinstance(given, str):
            return {self.tag: given}
        return {self.tag: self.usual, **given} if isinstance(given, dict) else given


def one_of(room: str, function: str, *, tag: str, usual: str) -> Any:
    """Return the type of a block that names a file of a room and has its ``Options``; a bare name takes the defaults.

    Args:
        room: A folder of the library.
        function: What a file of the room must have.
        tag: Key that names the file.
        usual: The file that is meant where the block does not say it.

    Raises:
        TypeError: A file has no ``Options``, or they go by another name than the file.
    """
    blocks = []
    for name, part in plugins.in_room(room, function).items():
        block = getattr(part.load(), "Options", None)
        field = block.model_fields.get(tag) if block else None
        if field is None or get_args(field.annotation) != (name,):
            found = "none" if field is None else field.annotation
            raise TypeError(f'{part.file}: Options.{tag}: {found} found; expected Literal["{name}"], the file\'s name')
        blocks.append(block)
    return Annotated[Union[tuple(blocks)], Field(discriminator=tag), ShortForms(tag, usual=usual)]  # noqa: UP007
