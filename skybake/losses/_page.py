"""Makes ``docs/losses.md`` of the losses' docstrings, without importing a framework.

Run ``python -m skybake.losses._page`` from the checkout after a docstring has changed; a test tells when it is due.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from skybake import limits, plugins
from skybake.files import atomic_write
from skybake.plugins import PlugIn

PAGE = plugins.ROOT / "docs" / "losses.md"
PAIRED = "skybake.losses._paired"
SECTIONS = ("Formula", "Args", "Source", "Note")
INTRODUCTION = """\
# Losses

This page is made of the docstrings in `skybake/losses/` by `python -m skybake.losses._page`.

Any model goes with any loss that suits the dataset's task. A loss names its head, which makes the last layer as wide as
it needs, starts it at what the training labels look like, and turns outputs into predictions. In a config a loss stands
by its name, or by its name with parameters: `huber: {delta: 0.3}`. In a notebook it is a Keras loss:

```python
model.compile(optimizer="adam", loss=skybake.losses.get("huber", delta=0.3))
```

To load such a model in another process, call `skybake.losses.register()` first.

Here y is a label, p what the network says of it, both in the units that the network is trained in. Labels that are
-9999, NaN or infinite are left out: the loss of an object is the mean over its known labels, which is the mean over all
of them times the correction F = (n_ok + n_missing) / n_ok, and 0 if it has none. Values and gradients are finite for
all finite outputs: what float32 cannot hold saturates.
"""


def page() -> str:
    """Return the page, as ``docs/losses.md`` holds it."""
    parts = [part for name, part in plugins.losses().items() if name == part.constants["function"]]
    parts.sort(key=lambda part: part.constants["tasks"] == ("classification",))
    lines = [INTRODUCTION, "| loss | head | tasks | |", "|---|---|---|---|"]
    lines += [f"| [{part.name}](#{part.name}) | {_head(part)} | {_tasks(part)} | {_summary(part)} |" for part in parts]
    for module, family in groupby(parts, lambda part: part.module):
        title, text = _module_text(module)
        lines += ["", f"## {title}", *(["", text] if text else [])]
        for part in family:
            lines += ["", *_entry(part)]
    lines += ["", *_of_notebooks()]
    return "\n".join(lines) + "\n"


def _of_notebooks() -> Iterator[str]:
    """Yield what stands beside the losses of bake-offs."""
    title, text = _module_text(PAIRED)
    yield from (f"## {title}", "", text)
    for name, node in plugins.functions(plugins.syntax_tree(_file_of(PAIRED))).items():
        if not name.startswith("_"):
            found = sections(ast.get_docstring(node) or "")
            yield from ("", f"### {name}", "", _markdown(found[""]), "")
            yield from (f"- `{argument}`: {said}" for argument, said in _arguments(found.get("Args", "")))


def write() -> None:
    """Write the page."""
    with atomic_write(PAGE) as beside:
        beside.write_text(page(), encoding="utf-8")


def sections(doc: str) -> dict[str, str]:
    """Return the sections of a docstring by their titles; what stands before them is ``""``."""
    found: dict[str, list[str]] = {"": []}
    title = ""
    for line in doc.splitlines():
        if line.rstrip(":") in SECTIONS and line.endswith(":"):
            title = line[:-1]
            found[title] = []
        else:
            found[title].append(line[4:] if title else line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def _entry(part: PlugIn) -> Iterator[str]:
    found = sections(part.doc)
    yield f"### {part.name}"
    yield ""
    yield _markdown(found[""])
    yield ""
    yield f"    {_joined(found['Formula'])}"
    yield ""
    aliases = part.constants.get("aliases", ())
    yield f"- head: {_head(part)}; tasks: {_tasks(part)}"
    if aliases:
        yield f"- also called: {', '.join(aliases)}"
    if part.constants.get("batch"):
        yield "- the value of one object depends on the others in its batch"
    if not part.constants.get("trains", True):
        yield "- for notebooks: it trains no network, and a bake-off that names it is refused"
    described = dict(_arguments(found.get("Args", "")))
    for name, default in part.parameters.items():
        allowed = limits.described(default, part.limits[name])
        yield f"- `{name}` (default `{default!r}`; {allowed})" + (f": {described[name]}" if name in described else "")
    yield f"- source: {_markdown(_joined(found['Source']))}"
    if "Note" in found:
        yield f"- note: {_markdown(_joined(found['Note']))}"


def _arguments(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and description of every documented argument."""
    for item in re.split(r"\n(?=\S)", text):
        names, _, description = item.partition(":")
        for name in names.split(","):
            yield name.strip(), _markdown(_joined(description))


def _module_text(module: str) -> tuple[str, str]:
    doc = ast.get_docstring(plugins.syntax_tree(_file_of(module))) or ""
    title, _, text = doc.partition("\n")
    return title.rstrip("."), _markdown(text.strip())


def _file_of(module: str) -> Path:
    return plugins.ROOT.joinpath(*module.split(".")).with_suffix(".py")


def _summary(part: PlugIn) -> str:
    return _markdown(part.doc.split("\n\n")[0].replace("\n", " ").rstrip("."))


def _head(part: PlugIn) -> str:
    return part.constants["head"]


def _tasks(part: PlugIn) -> str:
    return ", ".join(part.constants["tasks"])


def _joined(text: str) -> str:
    return " ".join(text.split())


def _markdown(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    write()
