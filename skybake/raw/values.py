"""Values of raw tables and arrays: as text with missing ones, as numbers, as classes, as groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from skybake.missing import is_mark, present
from skybake.raw import RawError

_FLOAT = re.compile(r"\d+\.\d*(e\+?\d+)?|\d+e\+?\d+", re.IGNORECASE)


def plain_texts(values: np.ndarray, words: Collection[str] = ()) -> np.ndarray:
    """Return values as text, None where missing but for some words that are values: integers keep all digits."""
    texts = [
        (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
        for value in values.tolist()
    ]
    return np.array([None if is_mark(text) and text not in words else text for text in texts], dtype=object)


def as_number(text: str) -> float | None:
    """Return the number that a text is, None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def cure(texts: Sequence[str]) -> str:
    """Return a hint for texts that should be numbers, where what they are tells the fault; else nothing."""
    if texts and all(re.fullmatch(r"[+-]?\d+,\d*(e[+-]?\d+)?", text, re.IGNORECASE) for text in texts):
        return " Hint: these are decimal commas; save the table with decimal points"
    if texts and all(re.fullmatch(r"\d+ fields in a row of \d+", text) for text in texts):
        return " Hint: rows have more or fewer fields than the first line has names; quote texts that hold delimiters"
    return ""


def check_whole(path: Path, name: str, texts: Sequence[str | None] | np.ndarray) -> None:
    """Check that names were no floats too large to be told apart.

    Raises:
        RawError: They were.
    """
    for row, text in enumerate(texts):
        if text is not None and _FLOAT.fullmatch(text) and abs(float(text)) >= 2**53:
            raise RawError(
                f"{path}: row {row}, from 0: {name} is {text}, a float whose last digits are lost. Hint: as text or as"
                " whole numbers"
            )


def class_numbers(values: np.ndarray, classes: Sequence[str]) -> tuple[np.ndarray, dict[int, tuple[str, str]]]:
    """Return class numbers (N,), NaN where none, and row -> why not.

    A label is the name of a class, or its number. Where names are numbers themselves, as -1 and 1, a number is a name.
    """
    names = {name: float(number) for number, name in enumerate(classes)}
    by_number = {as_number(name): number for name, number in names.items() if as_number(name) is not None}
    by_number = by_number or {float(number): float(number) for number in range(len(classes))}
    if len(classes) == 2 and not {name.lower() for name in classes} & {"true", "false"}:
        names |= {text: float(text.lower() == "true") for text in ("true", "false", "True", "False", "TRUE", "FALSE")}
    label, reasons = np.full(len(values), np.nan), {}
    for row, value in enumerate(values):
        number = None if value is None else as_number(value)
        if value in names:
            label[row] = names[value]
        elif value is None or (number is not None and not present(number)):
            reasons[row] = ("no class", "")
        elif number in by_number:
            label[row] = by_number[number]
        else:
            reasons[row] = ("unknown class", f"{value}; {expected_classes(classes)}")
    return label, reasons


def expected_classes(classes: Sequence[str]) -> str:
    """Return what a class may be called, in words."""
    return f"expected 0 to {len(classes) - 1} or {', '.join(classes)}"


def alone_where_empty(groups: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Return the groups; an object without one gets its own, named after it."""
    taken, found = set(groups), []
    for group, name in zip(groups, ids, strict=True):
        while not group:
            group, name = ("" if name in taken else name), f"{name} alone"
        found.append(group)
    return found
