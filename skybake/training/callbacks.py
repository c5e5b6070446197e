"""What happens between epochs, one concern a callback; imports Keras, so only after :func:`backend.start`.

What a callback remembers goes into the checkpoint, so that a training that goes on gives the same bytes as one that was
never interrupted.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import keras
import numpy as np

from skybake.training import backend
from skybake.training.checkpoints import Checkpoint, Interrupted, State
from skybake.training.runs import TrainingDiverged
from skybake.training.schedules import schedules
from skybake.training.settings import Training

RECORDED = ("loss", "val_loss", "accuracy", "val_accuracy")  # of an epoch, where Keras gives them


class Stateful(keras.callbacks.Callback):
    """A callback whose state goes into the checkpoint.

    Attributes:
        STATE: Names of the attributes that are its state: numbers, texts, lists and dicts of them.
    """

    STATE: ClassVar[tuple[str, ...]] = ()
    _resumed: Mapping[str, Any] = {}

    def state(self) -> dict[str, Any]:
        """Return the state by name."""
        return {name: getattr(self, name) for name in self.STATE}

    def resume(self, kept: State) -> None:
        """Go on from a checkpoint."""
        self._resumed = kept.facts[type(self).__name__]
        self._take_up()

    def on_train_begin(self, logs=None):
        """Go on with the state of the checkpoint; Keras's own callbacks begin anew here."""
        super().on_train_begin(logs)
        self._take_up()

    def _take_up(self) -> None:
        for name, value in self._resumed.items():
            setattr(self, name, value)


class Clock(Stateful):
    """Measures time, that of earlier attempts included.

    Attributes:
        epoch_seconds: Of each epoch.
        fit_seconds: Of each epoch without its validation.
        seconds: Of the training up to the checkpoint that it went on from.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch_seconds: list[float] = []
        self.fit_seconds: list[float] = []
        self.seconds = 0.0

    def state(self) -> dict[str, Any]:
        """Return the times, up to now."""
        seconds = self.seconds + perf_counter() - self._begun
        return {"epoch_seconds": self.epoch_seconds, "fit_seconds": self.fit_seconds, "seconds": seconds}

    def on_train_begin(self, logs=None):
        """Start the clock."""
        super().on_train_begin(logs)
        self._begun = perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        """Start the epoch's clock."""
        self._started = perf_counter()

    def on_test_begin(self, logs=None):
        """Record the time without validation."""
        backend.wait(self.model)
        self.fit_seconds.append(perf_counter() - self._started)

    def on_epoch_end(self, epoch, logs=None):
        """Record the time."""
        self.epoch_seconds.append(perf_counter() - self._started)


class Divergence(keras.callbacks.Callback):
    """Ends a training whose loss is no number, once an epoch: a look at every batch would make a GPU wait."""

    def on_epoch_end(self, epoch, logs=None):
        """Raise TrainingDiverged if a loss is not finite."""
        loss, valid = float(logs["loss"]), float(logs["val_loss"])
        if not (math.isfinite(loss) and math.isfinite(valid)):
            raise TrainingDiverged(
                f"loss {loss}, validation loss {valid} in epoch {epoch + 1}. Hint: a smaller learning_rate, or"
                " images and labels other than 'none'"
            )


class History(Stateful):
    """Records losses, and for classes accuracies.

    Attributes:
        rows: One an epoch: ``epoch``, from 1, and numbers by name.
    """

    STATE = ("rows",)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch, logs=None):
        """Record the epoch."""
        self.rows.append({"epoch": epoch + 1, **{name: float(logs[name]) for name in RECORDED if name in logs}})


class EarlyStopping(Stateful, keras.callbacks.EarlyStopping):
    """Stops when the validation loss no longer falls; ``stopped_epoch`` is above 0 once it has."""

    STATE = ("best", "wait", "stopped_epoch")


class BestWeights(Stateful):
    """Remembers the epoch whose weights are kept, and at the end gives them back to the network.

    Attributes:
        best_epoch: From 1.
        best_loss: The lowest validation loss.
        weights: Of that epoch; empty where the last ones are kept.
    """

    STATE = ("best_epoch", "best_loss")

    def __init__(self, keep: str):
        super().__init__()
        self.keep = keep
        self.best_epoch, self.best_loss = 0, math.inf
        self.weights: Sequence[np.ndarray] = []

    def resume(self, kept: State) -> None:
        """Go on from a checkpoint."""
        super().resume(kept)
        self.weights = kept.arrays["best"]

    def on_epoch_end(self, epoch, logs=None):
        """Remember the epoch if it is the best so far."""
        if self.keep == "last":
            self.best_epoch = epoch + 1
        elif logs["val_loss"] < self.best_loss:
            self.best_epoch, self.best_loss = epoch + 1, float(logs["val_loss"])
            self.weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        """Give the weights back."""
        if self.keep == "best":
            self.model.set_weights(self.weights)


class Progress(keras.callbacks.Callback):
    """Shows a bar of the epochs."""

    def __init__(self, title: str, epochs: int, done: int):
        super().__init__()
        from tqdm import tqdm

        self.bar = tqdm(total=epochs, initial=done, desc=title, unit="epoch", mininterval=2.0)

    def on_epoch_end(self, epoch, logs=None):
        """Move the bar on."""
        self.bar.set_postfix(loss=f"{logs['loss']:.4g}", val_loss=f"{logs['val_loss']:.4g}")
        self.bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


class SaveState(keras.callbacks.Callback):
    """Saves the state of network, optimizer and callbacks after every epoch; stands behind those that it saves."""

    def __init__(self, checkpoint: Checkpoint, stateful: Sequence[Stateful], best: BestWeights):
        super().__init__()
        self.checkpoint, self.stateful, self.best = checkpoint, stateful, best

    def on_epoch_end(self, epoch, logs=None):
        """Save."""
        self.checkpoint.save(
            State(
                facts={type(callback).__name__: callback.state() for callback in self.stateful},
                arrays={
                    "model": [keras.ops.convert_to_numpy(variable) for variable in self.model.variables],
                    "optimizer": [keras.ops.convert_to_numpy(variable) for variable in self.model.optimizer.variables],
                    "best": self.best.weights,
                },
            )
        )


class TensorBoard(keras.callbacks.Callback):
    """Writes the history for TensorBoard; Keras's own callback needs TensorFlow."""

    def __init__(self, folder: Path, history: History, *, anew: bool):
        super().__init__()
        from tensorboardX import SummaryWriter

        if anew:  # or the curves of an earlier config would stand among these
            shutil.rmtree(folder, ignore_errors=True)
        self.history = history
        self.board = SummaryWriter(str(folder), write_to_disk=True)

    def on_epoch_end(self, epoch, logs=None):
        """Write the epoch."""
        for name, value in self.history.rows[-1].items():
            self.board.add_scalar(name, value, global_step=epoch + 1)
        self.board.flush()

    def close(self) -> None:
        """Close the file."""
        self.board.close()


class StopOnSigterm(keras.callbacks.Callback):
    """Ends a training after the epoch in which SIGTERM came; stands behind what saves the state."""

    came: Callable[[], bool] = staticmethod(lambda: False)

    def on_epoch_end(self, epoch, logs=None):
        """Raise Interrupted if SIGTERM has come."""
        if self.came():
            raise Interrupted(
                f"SIGTERM came (a time limit ahead, or scancel): stopping after epoch {epoch + 1}, which is kept;"
                " the next attempt goes on there"
            )


@dataclass(frozen=True)
class Callbacks:
    """The callbacks of one training.

    Attributes:
        clock, history, best, sigterm: Those that are asked for what they know, or told.
        stopping: None where nothing stops early.
        all: In the order in which they work.
    """

    clock: Clock
    history: History
    best: BestWeights
    stopping: EarlyStopping | None
    sigterm: StopOnSigterm
    all: Sequence[keras.callbacks.Callback]

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.history.rows)

    @property
    def stopped(self) -> bool:
        """Whether the training has stopped early."""
        return self.stopping is not None and self.stopping.stopped_epoch > 0

    def close(self) -> None:
        """Close files and the bar."""
        for callback in self.all:
            if isinstance(callback, Progress | TensorBoard):
                callback.close()


def build_callbacks(training: Training, title: str, checkpoint: Checkpoint, kept: State | None) -> Callbacks:
    """Return the callbacks of a training.

    Args:
        training: The config's training block.
        title: Stands before the bar.
        checkpoint: Where the state is saved after every epoch.
        kept: The state that the training goes on from.
    """
    clock, history, best = Clock(), History(), BestWeights(training.weights)
    schedule, early = schedules()[training.schedule.name].load(), training.early_stopping
    stateful: list[Stateful] = [clock, history, best]
    if hasattr(schedule, "callback"):
        stateful.append(schedule.callback(training.schedule))
    stopping = EarlyStopping(min_delta=early.min_delta, patience=early.patience) if early else None
    if stopping:
        stateful.append(stopping)
    if kept:
        for callback in stateful:
            callback.resume(kept)
    rest: list[keras.callbacks.Callback] = [
        Progress(title, training.epochs, len(history.rows)),
        SaveState(checkpoint, stateful, best),
    ]
    if training.tensorboard and checkpoint.path:
        folder = checkpoint.path.parent / "tensorboard" / checkpoint.path.stem  # beside the checkpoint
        rest.append(TensorBoard(folder, history, anew=kept is None))
    sigterm = StopOnSigterm()
    return Callbacks(clock, history, best, stopping, sigterm, [clock, Divergence(), *stateful[1:], *rest, sigterm])


def restore_state(model, kept: State) -> None:
    """Give a network and its optimizer the numbers they had, those of random generators among them."""
    model.optimizer.build(model.trainable_variables)
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, kept.arrays[name], strict=True):
            variable.assign(value)
