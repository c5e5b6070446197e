"""PNG images of 16 bits and several channels, which Pillow reads with 8 bits only."""

from __future__ import annotations

import struct
import zlib

import numpy as np

_CHANNELS = {2: 3, 6: 4}  # by the colour type: red, green, blue; and how opaque


def sixteen_bit_colour(contents: bytes) -> np.ndarray | None:
    """Return the pixels (H, W, 3) uint16 of such an image; None of any other.

    Source: https://www.w3.org/TR/png-3, sections 9 and 11.

    Raises:
        ValueError: It is damaged, or interlaced.
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", contents[16:29])
    if depth != 16 or colour not in _CHANNELS:
        return None
    if interlaced:
        raise ValueError("an interlaced PNG of 16 bit colour; save it without interlacing")
    channels, data, place = _CHANNELS[colour], b"", 8
    while place + 8 <= len(contents):
        length, kind = struct.unpack(">I4s", contents[place : place + 8])
        data += contents[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += length + 12
    try:
        rows = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(height, 1 + 2 * channels * width)
    except zlib.error as error:
        raise ValueError(f"damaged pixels ({error})") from None
    pixel = 2 * channels
    above = np.zeros(pixel * width, dtype=np.uint8)
    found = np.empty((height, pixel * width), dtype=np.uint8)
    for row, line in enumerate(rows):
        above = found[row] = _unfiltered(int(line[0]), line[1:], above, pixel)
    return found.view(">u2").astype(np.uint16).reshape(height, width, channels)[..., :3]


def _unfiltered(kind: int, line: np.ndarray, above: np.ndarray, pixel: int) -> np.ndarray:
    """Undo the filter of a row, given that of the row above, ``pixel`` bytes a pixel."""
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line.reshape(-1, pixel), axis=0, dtype=np.uint8).reshape(-1)
    if kind == 2:
        return line + above
    if kind not in (3, 4):
        raise ValueError(f"filter {kind} found; expected 0 to 4")
    found = np.zeros((len(line) // pixel + 1, pixel), dtype=np.int64)
    up = np.concatenate([np.zeros((1, pixel), dtype=np.int64), above.reshape(-1, pixel)])
    for place, given in enumerate(line.reshape(-1, pixel).astype(np.int64), 1):
        a, b, c = found[place - 1], up[place], up[place - 1]
        near = [np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)]
        nearest = np.where((near[0] <= near[1]) & (near[0] <= near[2]), a, np.where(near[1] <= near[2], b, c))
        found[place] = (given + ((a + b) // 2 if kind == 3 else nearest)) % 256
    return found[1:].astype(np.uint8).reshape(-1)
