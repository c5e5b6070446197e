"""Trains a network epoch by epoch, each in a few calls of a compiled function; imports Keras when it runs.

Keras's ``fit`` would hand the device one batch at a time, which costs the processor more than a small network costs a
GPU. Here the objects lie on the device, all of them or a handful at a time, and a call is told which batches to make of
them: it gathers, mirrors and trains many steps before it answers. What a step does is Keras's own ``train_step``, and
callbacks are told what ``fit`` would tell them, but for batches: ``on_train_batch_end`` comes once a call.

Order and mirroring of an epoch follow from the seed and the epoch alone, and where one call ends and the next begins
changes no number. So a training may go on in the middle of an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from skybake.training import backend, feeding
from skybake.training.feeding import Piece, Subset

LONGEST_CALL = 10.0  # seconds: so soon a training must be able to stop


@dataclass
class Pace:
    """How many steps a call takes, so that it is long enough to cost nothing and ends within ``LONGEST_CALL``."""

    steps: int = 1  # the first call compiles

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a call."""
        if seconds > LONGEST_CALL / 2:
            self.steps = max(1, int(steps * LONGEST_CALL / 4 / seconds))
        elif steps == self.steps and seconds < LONGEST_CALL / 8:
            self.steps *= 4


class Steps:
    """The training or the validation steps of an epoch.

    Args:
        model: Compiled and built.
        batch_size: Objects a step.
        train: Whether the network learns; else it is only judged.
        augmentation: Name of what is done to the images at random.
    """

    def __init__(self, model, batch_size: int, *, train: bool, augmentation: str = "none"):
        self.batch_size = batch_size
        self._run = backend.compile_steps(model, feeding.batch_of(augmentation), batch_size, train=train)
        self._pace = Pace()

    def over(self, pieces: Iterator[Piece]) -> Iterator[int]:
        """Take the steps; yield after each call how many it took."""
        for piece in pieces:
            steps = math.ceil(len(piece.order) / self.batch_size)
            first = 0
            while first < steps:
                last = min(first + self._pace.steps, steps)
                started = perf_counter()
                self._run(piece.objects, piece.order, piece.forms, first, last)
                self._pace.took(last - first, perf_counter() - started)
                yield last - first
                first = last


@dataclass(frozen=True)
class Parts:
    """What a network is trained and validated on.

    Attributes:
        train, valid: Objects.
        batch_size: Objects a step.
        seed: Of the order and of the augmentation.
        augmentation: ``none``, ``flips`` or ``flips_and_turns``.
    """

    train: Subset
    valid: Subset
    batch_size: int
    seed: int
    augmentation: str = "none"


def train_epochs(
    model, parts: Parts, callbacks: Sequence[Any], epochs: range, step: int = 0, metrics: Sequence[np.ndarray] = ()
) -> None:
    """Train a compiled model.

    Args:
        model: Of which the optimizer is built too.
        parts: On what.
        callbacks: Keras's; ``on_train_batch_end`` and ``on_test_batch_end`` come after each call, with the number of
            the last step; losses and metrics come at the end of an epoch.
        epochs: Those to train, counted from 0.
        step: Of the first epoch, where a training goes on.
        metrics: Values of ``model.metrics_variables`` there.
    """
    import keras

    told = keras.callbacks.CallbackList(callbacks, model=model)
    build_metrics(model, parts.train.targets.shape[1])
    augmentation = feeding.usable_augmentation(parts.augmentation, parts.train.images.shape)
    train = Steps(model, parts.batch_size, train=True, augmentation=augmentation)
    valid = Steps(model, parts.batch_size, train=False)
    model.stop_training = False
    told.on_train_begin()
    logs: dict[str, float] = {}
    with (
        feeding.Feed(parts.train, parts.batch_size) as of_train,
        feeding.Feed(parts.valid, parts.batch_size) as of_valid,
    ):
        for epoch in epochs:
            model.reset_metrics()
            if step:
                backend.assign(model.metrics_variables, metrics)
            told.on_epoch_begin(epoch)
            _take(train, of_train.epoch(epoch, parts.seed, augmentation, step), told.on_train_batch_end, step)
            logs, step = _results(model), 0
            model.reset_metrics()
            told.on_test_begin()
            _take(valid, of_valid.epoch(), told.on_test_batch_end)
            judged = _results(model)
            told.on_test_end(judged)
            logs |= {f"val_{name}": value for name, value in judged.items()}
            told.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    told.on_train_end(logs)


def _take(steps: Steps, pieces: Iterator[Piece], tell: Callable[[int], None], done: int = 0) -> None:
    for taken in steps.over(pieces):
        done += taken
        tell(done - 1)


def _results(model) -> dict[str, float]:
    return {name: float(value) for name, value in model.get_metrics_result().items()}


def build_metrics(model, columns: int) -> None:
    """Let a compiled model make the variables of its metrics, which a compiled function cannot.

    Args:
        model: Whose metrics.
        columns: Of the targets.
    """
    one = np.zeros((1, columns), np.float32)
    output = np.zeros((1, *model.output_shape[1:]), np.float32)
    model.compute_loss(y=one, y_pred=output)
    model.compute_metrics(None, one, output)
    model.reset_metrics()
