"""Config files as they stand on disk: what YAML or Snakemake would pass over in silence, by line.

Snakemake hands over what it has read and merged; a key that stands twice has lost a block by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from skybake.config.messages import ConfigError, near_files

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster, where libyaml is there
SUFFIXES = (".yaml", ".yml", ".json")
_OTHER_BLANK = re.compile(r"^[ \t]*([^\S \t\r\n])[^\S\r\n]*\S", re.MULTILINE)  # e.g. a no-break space of a web page
_OTHER_BASE = re.compile(r"[-+]?0[0-7_]+|[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?")  # 010 is 8, and 1:30 is 90


def read(path: Path | str) -> dict[str, Any]:
    """Return what a config file says.

    Raises:
        ConfigError: There is no such file, it is not YAML, no mapping, a key stands twice, or YAML reads something as
            what it does not look like; file, line and cure.
    """
    path = Path(path)
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=Loader)
        problems = list(_problems(node, "", set(), ())) if node is not None else []
        found = yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise ConfigError(_not_yaml(path, text, error)) from None
    except RecursionError:
        raise ConfigError(f"{path}: blocks within blocks without end; expected a few levels") from None
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    if not isinstance(found, dict):
        kind = "nothing" if found is None else type(found).__name__
        raise ConfigError(f"{path}: {kind} found; expected keys, such as datasets and bakeoffs")
    return found


def overridden(paths: Iterable[Path | str]) -> list[str]:
    """Read config files, and say which values of one are replaced by those of a later one; for the Snakefile.

    Snakemake merges the files that are given by ``--configfile``, block by block, and says nothing of it.

    Raises:
        ConfigError: As :func:`read`.
    """
    merged: dict[str, Any] = {}
    told = []
    for path in paths:
        told += [f"{path}: {key} takes the place of {key} in a file before it" for key in _merge(merged, read(path))]
    return told


def _merge(into: dict[str, Any], later: Mapping[str, Any], place: str = "") -> Iterator[str]:
    for key, value in later.items():
        here = f"{place}.{key}" if place else str(key)
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            yield from _merge(into[key], value, here)
            continue
        if key in into and into[key] != value:
            yield here
        into[key] = value


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        inside = sorted(item.name for item in path.iterdir() if item.suffix in SUFFIXES)
        hint = f" Hint: one of its files: {', '.join(inside)}" if inside else ""
        raise ConfigError(f"{path}: a folder found; expected a config file.{hint}") from None
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{path}: no such file.{near_files(path)}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}, line {_line(data[: error.start])}: not UTF-8 text ({error.reason} at byte {error.start});"
            " expected YAML. Hint: save it as UTF-8, or write this line without accents"
        ) from None
    if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
        raise ConfigError(
            f"{path}, line {_line(text[: bad.start()])}: the control character U+{ord(bad[0]):04X} found; expected"
            " text. Hint: delete it, if this is a config at all"
        )
    if bad := _OTHER_BLANK.search(text):
        raise ConfigError(
            f"{path}, line {_line(text[: bad.start(1)])}: the line begins with U+{ord(bad[1]):04X}, which looks like a"
            " blank and is none for YAML. Hint: type the blanks anew"
        )
    return text


def _line(before: str | bytes) -> int:
    return len(before.splitlines()) + (not before or before[-1:] in ("\n", "\r", b"\n", b"\r"))


def _problems(node: yaml.Node, place: str, done: set[int], around: tuple[int, ...]) -> Iterator[str]:
    """Find what YAML would read in silence as something else; what aliases repeat is looked at once."""
    if id(node) in around:
        yield f"line {node.start_mark.line + 1}: the anchor of {place} is used inside itself"
    if id(node) in done:
        return
    done.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _problems(item, f"{place}[{number}]", done, (*around, id(node)))
    elif isinstance(node, yaml.MappingNode):
        yield from _of_keys(node, place)
        for key, value in node.value:
            here = f"{place}.{key.value}" if place else str(key.value)
            yield from _problems(value, here, done, (*around, id(node)))
    elif _is_plain_number(node) and _OTHER_BASE.fullmatch(node.value):
        yield (
            f"line {node.start_mark.line + 1}: YAML reads {place}: {node.value} as {yaml.safe_load(node.value)}."
            f" Hint: write {yaml.safe_load(node.value)}, or '{node.value}' in quotes"
        )


def _is_plain_number(node: yaml.Node) -> bool:
    numbers = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    return isinstance(node, yaml.ScalarNode) and not node.style and node.tag in numbers


def _of_keys(node: yaml.MappingNode, place: str) -> Iterator[str]:
    """Find keys of a block that stand twice, that YAML takes for something else than a name, or that hide a value."""
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
        if not isinstance(key, yaml.ScalarNode) or key.style or name == "<<":
            continue
        if not key.tag.endswith(":str") and str(read_as := yaml.safe_load(name)) != name:
            yield f"line {line}: YAML reads the key {here} as {read_as}. Hint: '{name}' in quotes, or another name"
        if re.match(r"\w+:\S", name) and isinstance(value, yaml.ScalarNode) and value.value == "":
            yield f"line {line}: no blank behind the colon of {name}. Hint: {name.replace(':', ': ', 1)}"


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
    said = [words for name in ("context", "problem") if (words := getattr(error, name, None))]
    return f"{path}, line {mark.line + 1}: this is not YAML: {', '.join(said) or error}: {line.strip()!r}"
