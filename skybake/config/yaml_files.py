"""Config files as they stand on disk: what YAML or Snakemake would pass over in silence, by line.

Snakemake hands over what it has read and merged; a key that stands twice has lost a block by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from skybake.config.messages import ConfigError, near_files

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster, where libyaml is there


def read(path: Path | str) -> dict[str, Any]:
    """Return what a config file says.

    Raises:
        ConfigError: There is no such file, it is not YAML, no mapping, or a key stands twice; file, line and cure.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise ConfigError(f"{path}: no such file.{near_files(path)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); expected YAML") from None
    try:
        node = yaml.compose(text, Loader=Loader)
        problems = list(_repeated(node, "")) if node is not None else []
        found = yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise ConfigError(_not_yaml(path, text, error)) from None
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: {type(found).__name__} found; expected keys, such as datasets and bakeoffs")
    return found


def check_all(paths: Iterable[Path | str]) -> None:
    """See that no key stands twice in config files; for the Snakefile.

    Raises:
        ConfigError: As :func:`read`.
    """
    for path in paths:
        read(path)


def _repeated(node: yaml.Node, place: str) -> Iterator[str]:
    """Find keys that stand twice in one block."""
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(item, f"{place}[{number}]")
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        here = f"{place}.{name}" if place else name
        if name in lines:
            yield (
                f"the key {here} stands in line {lines[name]} and in line {line}: YAML would keep the last one only."
                " Hint: rename or join them"
            )
        lines.setdefault(name, line)
        yield from _repeated(value, here)


def _not_yaml(path: Path, text: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"{path}: this is not YAML: {error}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    before = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
    for number, words in ((mark.line + 1, line), (mark.line, before)):
        if "\t" in words[: len(words) - len(words.lstrip())] or ("\t" in words and "\\t" in str(error)):
            return f"{path}, line {number}: a tab found; YAML takes blanks only. Hint: two blanks for each level"
    problem = getattr(error, "problem", None) or str(error)
    return f"{path}, line {mark.line + 1}: this is not YAML: {problem}: {line.strip()!r}"
