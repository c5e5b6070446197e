"""Whether images are such as a network was trained with."""

from __future__ import annotations

from collections.abc import Sequence


def unlike(
    shape: Sequence[int],
    bands: Sequence[str],
    expected_shape: Sequence[int],
    expected_bands: Sequence[str],
    asked_by: str,
) -> str:
    """Return what is wrong with images for a network, with the cure; empty where they are like those of its training.

    Args:
        shape, bands: (H, W, C) of the images, and the names of their bands.
        expected_shape, expected_bands: Those of the training.
        asked_by: Key of the config that asks for it.
    """
    if tuple(shape) != tuple(expected_shape):
        cure = "options, e.g. size" if shape[2] == expected_shape[2] else "raw, images with as many bands"
        return (
            f"images of {_said(shape)} found; expected {_said(expected_shape)}, as the network was trained on."
            f" Hint: {asked_by}.{cure}"
        )
    if tuple(bands) != tuple(expected_bands):
        return (
            f"bands {', '.join(bands)} found; expected {', '.join(expected_bands)}, in this order."
            f" Hint: {asked_by}.options"
        )
    return ""


def _said(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
