"""Numbers and names as pages write them."""

from __future__ import annotations

import re

from markupsafe import Markup

MINUS = "\N{MINUS SIGN}"


def fixed(value: float | None, places: int) -> str:
    """Write a number with ``places`` decimals."""
    return "" if value is None else f"{value:.{places}f}".replace("-", MINUS)


def signed(value: float | None, places: int) -> str:
    """Write a number with its sign and ``places`` decimals."""
    return "" if value is None else f"{value:+.{places}f}".replace("-", MINUS)


def brief(value: float | None) -> str:
    """Write a number with three digits, or as a whole number from a thousand on."""
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{MINUS}{text[1:]}" if text.startswith("-") else text


def minus(sentence: str) -> str:
    """Write the numbers of a sentence with a minus sign; hyphens of names stay."""
    return re.sub(r"(?<=[ (])-(?=\d)", MINUS, sentence)


def breakable(name: str) -> Markup:
    """Let a long name break after its underscores, on a narrow screen."""
    return Markup("_<wbr>").join(name.split("_"))


def duration(seconds: float) -> str:
    """Write seconds as a person would say them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
