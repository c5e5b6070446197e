"""``python -m skybake propose``: looks at images and their catalogue, and writes a first config with comments."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake.missing import present
from skybake.raw import RawError, cutouts
from skybake.raw.catalogue import FEWEST, IDS, MOST_CLASSES, POSITIONS, WORDS, Catalogue
from skybake.raw.cutouts.arrays import open_cube
from skybake.raw.cutouts.files import called_by, files_of, patterns_of, with_bands
from skybake.raw.cutouts.options import Options
from skybake.raw.pixels import ImageError, contents_of, decoded
from skybake.raw.values import as_number

LABELS = ("label", "class", "type", "target", "y", "morphology")  # what a label is usually called, in small letters
_LOOKED_AT = 20  # files whose size is looked at
_WIDE = 100  # the largest over the smallest value of a quantity of which the logarithm is proposed
_SMALL = 16  # pixels a side, below which no convolutions are proposed

_CONFIG = """\
# A first config, made by looking at the files. What is marked with (?) is a guess: look at it.
# python -m skybake check {out}
# snakemake --profile profiles/local --configfile {out}
title: {title}
results: {results}

datasets:
  {name}:
    survey: cutouts
    raw: {raw}
    options:
{options}
{split}
    # inputs: [...] # scalars that `mixed_` networks and some baselines take beside the image

bakeoffs:
  first:
    datasets: [{name}]
    models: [{models}]
    losses: [{losses}]
    baselines: [{baselines}]
    seeds: [1, 2, 3] # one training each
    training: {{epochs: 30, images: standardise}}
"""


@dataclass(frozen=True)
class Facts:
    """What the values of a column are.

    Attributes:
        name: Of the column.
        values: Of those that are known, as text.
        numbers: Likewise as numbers; None where some are none.
    """

    name: str
    values: Sequence[str]
    numbers: np.ndarray | None

    @property
    def unique(self) -> bool:
        """Whether no two are the same."""
        return len(set(self.values)) == len(self.values) > 1

    @property
    def names(self) -> bool:
        """Whether they may name objects, of which some may stand in several rows."""
        return 2 * len(set(self.values)) > len(self.values) > 1

    @property
    def few(self) -> bool:
        """Whether they may be classes: not many, with some objects each."""
        times = Counter(self.values)
        return 1 < len(times) <= MOST_CLASSES and min(times.values()) >= FEWEST

    @property
    def classes(self) -> bool:
        """Whether they are words or whole numbers, and few."""
        return self.few and (self.numbers is None or bool((self.numbers == np.floor(self.numbers)).all()))

    @property
    def parts(self) -> bool:
        """Whether they are the parts of a published split."""
        words = {word for words in WORDS.values() for word in words}
        return bool(self.values) and {value.lower() for value in self.values} <= words


def propose(images: Path, catalogue: Path | None, label: str = "", out: str = "mine.yaml") -> str:
    """Return a config, as YAML with comments, that reads the files.

    Args:
        images: Folder of images, or one file with all of them.
        catalogue: Table; None where its columns stand beside the images in their file.
        label: Column to predict; empty: a likely one.
        out: Where the config will be, which its comments name.

    Raises:
        RawError: The files cannot be read, or nothing in them can be a label.
    """
    table = Catalogue(catalogue or images)
    columns = [_facts(table, name) for name in table.names if name]
    options, lines = _of_folder(images, columns) if images.is_dir() else _of_array(images)
    used = {options.get("id"), options.get("file")}
    named = [item for item in columns if item.name not in used]
    if not images.is_dir():
        found = [item for item in named if item.name.lower() in IDS and item.unique]
        if len(found) == 1:
            options["id"] = found[0].name
            named.remove(found[0])
    published = next((item for item in named if item.parts), None)
    if published is not None:
        options["split_column"] = published.name
        named.remove(published)
    position = {name for names in POSITIONS.values() for name in names}
    named = [item for item in named if item.name.lower() not in position]
    chosen, others = _label(table, named, label)
    options |= _of_label(chosen)
    raw = {"images": str(images)} | ({"catalogue": str(catalogue)} if catalogue else {})
    checked = cutouts.read({key: Path(path) for key, path in raw.items()}, Options(**options), 1)
    shape = lines.pop("side")
    if others:
        lines["label"] = f" # (?) or {', '.join(item.name for item in others[:MOST_CLASSES])}"
    lines.update(_remarks(options))
    return _written(raw, options, lines, checked.schema.predicted, out, small=int(shape) < _SMALL)


def _facts(table: Catalogue, name: str) -> Facts:
    values = [text for text in table.texts(name, "label") if text is not None]
    numbers = [as_number(text) for text in values]
    if None in numbers or not numbers:
        return Facts(name, values, None)
    found = np.array(numbers, dtype=np.float64)
    return Facts(
        name, [text for text, known in zip(values, present(found), strict=True) if known], found[present(found)]
    )


def _of_folder(folder: Path, columns: Sequence[Facts]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return options of a folder of images, and remarks on them; ``side`` is the pixels a side."""
    names = files_of(folder)
    there = set(names)
    options: dict[str, Any] = {}
    remarks: dict[str, str] = {}
    best = max(columns, key=lambda item: sum(value in there for value in item.values), default=None)
    files: list[str] = []
    if best is not None and any(value in there for value in best.values):
        options["file"], files = best.name, [value for value in best.values if value in there]
    else:
        found = {item.name: patterns_of(names, item.values) for item in columns if item.names}
        of = max(found, key=lambda name: (max(found[name].values(), default=0), name.lower() in IDS), default="")
        if not of or not found[of]:
            raise RawError(
                f"{folder}: no column names these files: {', '.join(names[:3])}; expected one of"
                f" {', '.join(item.name for item in columns)} in their names, or a column with the names themselves."
                " Hint: out of images of the sky `survey: frames` cuts objects by ra and dec, see docs/data.md"
            )
        patterns = list(found[of])
        options["id"] = of
        bands = with_bands(patterns)
        options["pattern"] = bands[0] if bands else patterns[0]
        if bands:
            options["bands"] = bands[1]
            remarks["bands"] = " # (?) their order is that of the images' channels"
        elif len(patterns) > 1:
            remarks["pattern"] = f" # (?) or {', '.join(patterns[1:4])}"
        ids = next(item.values for item in columns if item.name == of)
        called = [name for value in ids for name in called_by(options["pattern"], value, options.get("bands", ()))]
        files = [name for name in called if name in there]
    sides = _sizes(folder, files, options, remarks)
    if len(sides) > 1:
        options["size"] = min(min(shape) for shape in sides)
        remarks["size"] = f" # (?) pixels a side; found {', '.join(f'{a} x {b}' for a, b in sorted(sides))}"
    remarks["side"] = str(min((min(shape) for shape in sides), default=1))
    return options, remarks


def _sizes(
    folder: Path, files: Sequence[str], options: dict[str, Any], remarks: dict[str, str]
) -> set[tuple[int, int]]:
    """Return the sizes of some images; an HDU is chosen where there are several."""
    sides = set()
    for name in files[:: max(1, len(files) // _LOOKED_AT)]:
        try:
            contents, _ = contents_of(folder / name)
            try:
                image = decoded(contents, folder / name, options.get("hdu", ""))
            except RawError as error:
                lines = re.findall(r'`hdu: "(\d+)"`', str(error))
                if not lines:
                    raise
                options["hdu"], remarks["hdu"] = lines[0], f" # (?) or {', '.join(lines[1:])}"
                image = decoded(contents, folder / name, lines[0])
        except ImageError:
            continue
        sides.add((image.shape[0], image.shape[1]))
    return sides


def _of_array(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    options: dict[str, Any] = {}
    remarks = {}
    for _ in range(3):  # the array, and where its bands stand
        try:
            cube = open_cube(path, Options(**options))
        except RawError as error:
            lines = re.findall(r"`(array|layout): ([^`]+)`", str(error))
            if not lines or lines[0][0] in options:
                raise
            key, value = lines[0]
            options[key], remarks[key] = value, f" # (?) or {', '.join(other for _, other in lines[1:])}"
            continue
        remarks["side"] = str(min(cube.image_shape[:2]))
        return options, remarks
    raise RawError(f"{path}: no images found")


def _label(table: Catalogue, columns: Sequence[Facts], asked: str) -> tuple[Facts, list[Facts]]:
    """Return what is predicted, and what else might be."""
    if asked:
        table.texts(asked, "label")  # says what is wrong with the name
        return _facts(table, asked), []
    likely = [item for item in columns if item.classes or (item.numbers is not None and len(set(item.values)) > 2)]
    order = sorted(
        likely,
        key=lambda item: (item.name.lower() not in LABELS, not item.classes, item.numbers is not None and item.unique),
    )
    if not order:
        found = ", ".join(table.names)
        raise RawError(f"{table.path}: no column to predict; found {found}. Hint: --label names it")
    return order[0], order[1:]


def _of_label(label: Facts) -> dict[str, Any]:
    if label.classes:
        number = label.numbers is not None
        return {
            "label": label.name,
            "task": "classification",
            "classes": sorted(set(label.values), key=(lambda value: as_number(value) or 0.0) if number else None),
        }
    found: dict[str, Any] = {"label": label.name, "task": "regression"}
    numbers = np.empty(0) if label.numbers is None else label.numbers
    if len(numbers) and 0 < _WIDE * numbers.min() < numbers.max():
        found["transform"] = "log10"
    return found


def _remarks(options: dict[str, Any]) -> dict[str, str]:
    found = {}
    if options["task"] == "classification":
        found["classes"] = " # class 0, 1, ...: the label's text, or names for its numbers 0, 1, ..."
    if "transform" in options:
        found["transform"] = " # (?) none, log10 or ln: the values span more than a factor of a hundred"
    if "split_column" in options:
        found["split_column"] = " # the published split, by split: column"
    return found


def _written(
    raw: dict[str, str], options: dict[str, Any], remarks: dict[str, str], label: str, out: str, *, small: bool
) -> str:
    lines = [f"      {key}: {_yaml(value)}{remarks.get(key, '')}" for key, value in options.items()]
    if options["task"] == "regression":
        lines.append(f"      # units: {{{options['label']}: ...}} # of the column; they stand in tables and figures")
    lines.append("      # scalars: [...] # further columns of numbers to keep; kinds: {z: redshift, mag_r: magnitude}")
    split = "    split: column"
    if "split_column" not in options:
        split = "    split: {strategy: holdout, test: 0.2, valid: 0.2, seed: 40} # by objects; see also group and sky"
    classes = options["task"] == "classification"
    name = re.sub(r"[^A-Za-z0-9_]+", "_", Path(raw["images"]).stem).strip("_") or "mine"
    return _CONFIG.format(
        out=out,
        title=_yaml(f"{label} of {name}"),
        results=f"results/{name}",
        name=name,
        raw=_yaml(raw),
        options="\n".join(lines),
        split=split,
        models="dense" if small else "lesson_cnn",
        losses="categorical_crossentropy" if classes else "mse, gaussian_nll",
        baselines="constant" if classes else "constant, total_flux",
    )


def _yaml(value: Any) -> str:
    """Return a value as YAML in one line; words that need no quotes have none."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_yaml(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_yaml(item) for item in value)}]"
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z./][\w./ +-]*[\w]|[A-Za-z]", value)
    if plain and value.lower() not in ("yes", "no", "on", "off", "true", "false", "null", "y", "n"):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
