"""What stands inside a page so that it needs no other file: compressed text, pictures, and the tables' library."""

from __future__ import annotations

import base64
import functools
import gzip
import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = 256
ALIKE = 2.0  # root mean square difference, of 255, that nobody sees
PACKAGE, BUNDLE = "itables", "html/dt_bundle.js"


def address(content: bytes, kind: str) -> str:
    """Return content as a data address of a media type."""
    return f"data:{kind};base64," + base64.b64encode(content).decode("ascii")


def packed(text: str) -> str:
    """Return a text as base64 of gzip, which the page's script unpacks; the same text gives the same."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")


def picture(path: Path) -> str:
    """Return a PNG as a data address, with a palette of 256 colours where that is smaller and looks the same."""
    whole = path.read_bytes()
    image = Image.open(io.BytesIO(whole)).convert("RGB")
    few = image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    difference = np.asarray(few.convert("RGB"), float) - np.asarray(image, float)
    with io.BytesIO() as stream:
        few.save(stream, "PNG", optimize=True)
        small = stream.getvalue()
    alike = np.sqrt(np.mean(difference**2)) < ALIKE
    return address(small if alike and len(small) < len(whole) else whole, "image/png")


@functools.cache
def table_library() -> str:
    """Return DataTables with its extensions, one JavaScript module as the package itables brings it, packed.

    Raises:
        FileNotFoundError: The package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(PACKAGE)  # found, and not imported, which would load IPython and pandas
    places = [Path(place) / BUNDLE for place in (spec.submodule_search_locations or ())] if spec else []
    path = next((place for place in places if place.exists()), None)
    if path is None:
        raise FileNotFoundError(
            f"{PACKAGE}/{BUNDLE}: no such file in this environment; expected the package {PACKAGE} of the extra"
            " 'report'. Hint: make setup"
        )
    return packed(path.read_text(encoding="utf-8"))
