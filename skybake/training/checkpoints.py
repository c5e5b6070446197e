"""What a training needs to go on where it stopped, in one file that is whole or not there; no framework is imported.

It stays when a training is done, so that more epochs go on from there.
"""

from __future__ import annotations

import json
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import attempts
from skybake.files import atomic_write
from skybake.training.schedules import schedules
from skybake.training.settings import Training


@dataclass(frozen=True)
class State:
    """A training between two epochs.

    Attributes:
        facts: Numbers, texts and lists of them: history, times, what callbacks remember.
        arrays: Name -> arrays, e.g. of the weights, in the framework's order; empty where only the facts are kept.
        epochs: How many were asked for.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, Sequence[np.ndarray]]
    epochs: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of one training is kept.

    Attributes:
        path: The file; None keeps nothing.
        mark: Of all that the result depends on but the number of epochs: the state of another training is not taken up.
    """

    path: Path | None = None
    mark: str = ""

    def save(self, state: State) -> None:
        """Keep a state in place of the one before."""
        if self.path is None:
            return
        arrays: dict[str, Any] = {
            f"{name}-{place}": value for name, values in state.arrays.items() for place, value in enumerate(values)
        }
        counts = {name: len(values) for name, values in state.arrays.items()}
        text = json.dumps({"mark": self.mark, "counts": counts, "facts": dict(state.facts), "epochs": state.epochs})
        with atomic_write(self.path) as beside, beside.open("wb") as stream:
            np.savez(stream, text=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)

    def load(self) -> State | None:
        """Return the state that was kept; None if there is none, if it is damaged, or if it is of another training."""
        if self.path is None:
            return None
        try:
            with np.load(self.path, allow_pickle=False) as file:  # the archive's check sums find what is damaged
                kept = json.loads(bytes(file["text"]))
                if kept["mark"] != self.mark:
                    return None
                arrays = {
                    name: [file[f"{name}-{place}"] for place in range(count)] for name, count in kept["counts"].items()
                }
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return State(kept["facts"], arrays, kept["epochs"])

    def finish(self, *, goes_on: bool) -> None:
        """Keep of a training that is done what more epochs need; only its facts where they cannot go on from it."""
        kept = None if goes_on else self.load()
        if kept is not None:
            self.save(replace(kept, arrays={}))


def why_anew(kept: State, training: Training) -> str:
    """Return why a training cannot go on from a state that may be of another number of epochs; empty if it can."""
    done = len(kept.facts["History"]["rows"]) + (kept.facts["Place"]["step"] > 0)
    schedule = training.schedule.name
    if training.epochs != kept.epochs and schedules()[schedule].constants["LENGTH_MATTERS"]:
        return f"with the schedule {schedule!r} all rates depend on the number of epochs, which was {kept.epochs}"
    if done > training.epochs:
        return f"{done} epochs are done, and {training.epochs} asked for"
    return "" if kept.arrays else "its weights were not kept"


class Interrupted(SystemExit):
    """The machine takes the time away; what was done is kept."""

    reason = attempts.WARNED


@contextmanager
def sigterm_is_a_warning() -> Iterator[Callable[[], bool]]:
    """Let SIGTERM, which SLURM sends ahead of a time limit, end nothing at once.

    Yields:
        A function that tells whether it has come.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
        yield came.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: came.set())
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
