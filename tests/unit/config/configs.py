"""Configs that tests change."""

import copy

TAGS = ("name", "strategy")  # keys that tell the blocks of a union apart


def changed(given, key, value):
    """Return a copy with the value at a dotted key replaced."""
    result = copy.deepcopy(given)
    *steps, last = key.split(".")
    node = result
    for step in steps:
        node = node[step]
    node[last] = value
    return result
