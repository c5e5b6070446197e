"""How the learning rate changes while a network is trained.

A schedule is a file of this folder, and its name is the file's. It has:

- ``class Options(Schedule)``: its options in the config, with their limits, ``name: Literal["<file name>"]`` and a
  docstring, which ``docs/config.md`` shows
- ``rate(options, learning_rate, *, epochs, steps)``: the rate for the optimizer, a number or a schedule of Keras over
  all steps; ``steps`` are those of an epoch
- ``LENGTH_MATTERS``: whether rates depend on ``epochs``; if not, more epochs go on with a finished network
- ``callback(options)``, where the rate follows from what has happened: a
  :class:`skybake.training.callbacks.Stateful`, whose state goes into the checkpoint

Keras is imported in the functions: the Snakefile reads the options, and imports no framework.
"""

from __future__ import annotations

from collections.abc import Mapping

from skybake import plugins


def schedules() -> Mapping[str, plugins.PlugIn]:
    """Return the schedules by name: the files of this folder."""
    return plugins.in_room("training/schedules", "rate")
