"""What happens between epochs, and between the calls that an epoch is made of; one concern a callback.

Imports Keras, so only after :func:`backend.start`.

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
        spent: Of the epoch that it went on in.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch_seconds: list[float] = []
        self.fit_seconds: list[float] = []
        self.seconds, self.spent = 0.0, 0.0
        self._started, self._within = 0.0, False

    def state(self) -> dict[str, Any]:
        """Return the times, up to now."""
        now = perf_counter()
        return {
            "epoch_seconds": self.epoch_seconds,
            "fit_seconds": self.fit_seconds,
            "seconds": self.seconds + now - self._begun,
            "spent": now - self._started if self._within else 0.0,
        }

    def on_train_begin(self, logs=None):
        """Start the clock."""
        super().on_train_begin(logs)
        self._begun = perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        """Start the epoch's clock."""
        self._started = perf_counter() - self.spent
        self.spent, self._within = 0.0, True

    def on_test_begin(self, logs=None):
        """Note the time without validation."""
        self._fitted = perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Record the times."""
        self.epoch_seconds.append(perf_counter() - self._started)
        self.fit_seconds.append(self._fitted - self._started)
        self._within = False


class Place(Stateful):
    """Knows how far an epoch is, and what its metrics are there.

    Attributes:
        step: How many steps of the epoch are done; 0 between two epochs.
        metrics: Values of the metrics' variables after them.
    """

    STATE = ("step",)

    def __init__(self) -> None:
        super().__init__()
        self.step = 0
        self.metrics: Sequence[np.ndarray] = []

    def resume(self, kept: State) -> None:
        """Go on from a checkpoint."""
        super().resume(kept)
        self.metrics = kept.arrays["metrics"]

    def on_train_batch_end(self, batch, logs=None):
        """Note the place."""
        self.step = batch + 1
        self.metrics = _values(self.model.metrics_variables)

    def on_epoch_end(self, epoch, logs=None):
        """Note that the epoch is over."""
        self.step, self.metrics = 0, []


def _values(variables) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


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
        self.bar.set_postfix(loss=f"{logs['loss']:.4g}", val_loss=f"{logs['val_loss']:.4g}", refresh=False)
        self.bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


class SaveState(keras.callbacks.Callback):
    """Saves the state of network, optimizer and callbacks now and then; stands behind those that it saves.

    Args:
        checkpoint: Where.
        stateful: What is saved beside network and optimizer.
        place, best: Those of them that have arrays.
        training: After how many epochs it ends, and how often its state is saved.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        stateful: Sequence[Stateful],
        place: Place,
        best: BestWeights,
        training: Training,
    ):
        super().__init__()
        self.checkpoint, self.stateful, self.place, self.best = checkpoint, stateful, place, best
        self.epochs, self.every = training.epochs, training.checkpoint_seconds
        self._saved = perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Save within an epoch if it is time."""
        self._save_if_it_is_time()

    def on_epoch_end(self, epoch, logs=None):
        """Save between two epochs if it is time, and at the end of the training."""
        if epoch + 1 == self.epochs or self.model.stop_training:
            self.save()
        else:
            self._save_if_it_is_time()

    def _save_if_it_is_time(self) -> None:
        if perf_counter() - self._saved >= self.every:
            self.save()

    def save(self) -> None:
        """Save now."""
        self.checkpoint.save(
            State(
                facts={type(callback).__name__: callback.state() for callback in self.stateful},
                arrays={
                    "model": _values(self.model.variables),
                    "optimizer": _values(self.model.optimizer.variables),
                    "metrics": self.place.metrics,
                    "best": self.best.weights,
                },
                epochs=self.epochs,
            )
        )
        self._saved = perf_counter()


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
    """Saves the state and ends a training after the call in which SIGTERM came."""

    came: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, saving: SaveState):
        super().__init__()
        self.saving, self.epoch = saving, 0

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        """Raise Interrupted if SIGTERM has come."""
        self._stop_if_it_came(f"in epoch {self.epoch} after step {batch + 1}")

    def on_test_batch_end(self, batch, logs=None):
        """Raise Interrupted if SIGTERM has come: there may be no time for the rest, so validation begins anew."""
        self._stop_if_it_came(f"in epoch {self.epoch} before its validation")

    def on_epoch_end(self, epoch, logs=None):
        """Raise Interrupted if SIGTERM has come."""
        self._stop_if_it_came(f"after epoch {self.epoch}")

    def _stop_if_it_came(self, where: str) -> None:
        if self.came():
            self.saving.save()
            raise Interrupted(
                f"SIGTERM came (a time limit ahead, or scancel): stopping {where}; all up to there is kept, and the"
                " next attempt goes on there"
            )


@dataclass(frozen=True)
class Callbacks:
    """The callbacks of one training.

    Attributes:
        clock, place, history, best: Those that are asked for what they know.
        sigterm: Is told how to know that SIGTERM has come.
        stopping: None where nothing stops early.
        all: In the order in which they work.
    """

    clock: Clock
    place: Place
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
        checkpoint: Where the state is saved.
        kept: The state that the training goes on from.
    """
    clock, place, history, best = Clock(), Place(), History(), BestWeights(training.weights)
    schedule, early = schedules()[training.schedule.name].load(), training.early_stopping
    stateful: list[Stateful] = [clock, place, history, best]
    if hasattr(schedule, "callback"):
        stateful.append(schedule.callback(training.schedule))
    stopping = EarlyStopping(min_delta=early.min_delta, patience=early.patience) if early else None
    if stopping:
        stateful.append(stopping)
    if kept:
        for callback in stateful:
            callback.resume(kept)
    saving = SaveState(checkpoint, stateful, place, best, training)
    rest: list[keras.callbacks.Callback] = [Progress(title, training.epochs, len(history.rows)), saving]
    if training.tensorboard and checkpoint.path:
        folder = checkpoint.path.parent / "tensorboard" / checkpoint.path.stem  # beside the checkpoint
        rest.append(TensorBoard(folder, history, anew=kept is None))
    sigterm = StopOnSigterm(saving)
    everyone = [clock, Divergence(), *stateful[1:], *rest, sigterm]
    return Callbacks(clock, place, history, best, stopping, sigterm, everyone)


def restore_state(model, kept: State) -> None:
    """Give a network and its optimizer the numbers they had, those of random generators among them."""
    model.optimizer.build(model.trainable_variables)
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        backend.assign(variables, kept.arrays[name])
