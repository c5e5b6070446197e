"""What happens between epochs: history, best weights, stopping, progress, checkpoints."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np

from skybake import attempts
from skybake.training import backend
from skybake.training.checkpoints import Checkpoint, Interrupted, State


class TrainingDiverged(RuntimeError):
    """The loss stopped being a number: the same seed does it again."""

    reason = attempts.PERMANENT


def _plateau(schedule: Mapping[str, Any], remembered: Mapping[str, float]) -> list:
    """Return the callback that lowers the learning rate on a plateau, if the schedule asks for it."""
    import keras

    if schedule["name"] != "plateau":
        return []

    class Plateau(keras.callbacks.ReduceLROnPlateau):
        REMEMBERED = ("best", "wait", "cooldown_counter")

        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)  # which forgets
            for name, value in remembered.items():
                setattr(self, name, value)

        def memory(self) -> dict[str, float]:
            return {name: float(getattr(self, name)) for name in self.REMEMBERED}

    return [Plateau(factor=schedule["factor"], patience=schedule["patience"], min_lr=schedule["minimum"])]


def make_watch(training: Mapping[str, Any], title: str, checkpoint: Checkpoint, kept: State | None):
    """Return the callback that keeps history, timing and the best weights, stops early, shows progress and saves."""
    import keras
    from tqdm import tqdm

    stopping = training["early_stopping"]

    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            facts = kept.facts if kept else {}
            self.history: list[dict[str, float]] = list(facts.get("history", []))
            self.epoch_seconds: list[float] = list(facts.get("epoch_seconds", []))
            self.fit_seconds: list[float] = list(facts.get("fit_seconds", []))
            self.seconds_before: float = facts.get("seconds", 0.0)
            self.best_epoch, self.best_loss = facts.get("best", (0, math.inf))
            self.best_weights = kept.arrays["best"] if kept and kept.arrays["best"] else None
            self.patience_from, self.patience_loss = facts.get("patience", (0, math.inf))
            self.stopped: bool = facts.get("stopped", False)
            self.plateau = _plateau(training["schedule"], facts.get("plateau", {}))
            self.board = _board(training, checkpoint, anew=kept is None)
            self.warned = lambda: False
            self.bar = tqdm(total=training["epochs"], initial=self.epochs, desc=title, unit="epoch", mininterval=2.0)

        @property
        def epochs(self) -> int:
            return len(self.history)

        def on_train_begin(self, logs=None):
            self.begun = perf_counter()

        def on_epoch_begin(self, epoch, logs=None):
            self.started = perf_counter()

        def on_test_begin(self, logs=None):
            backend.wait(self.model)
            self.fit_seconds.append(perf_counter() - self.started)

        def on_epoch_end(self, epoch, logs=None):
            self.epoch_seconds.append(perf_counter() - self.started)
            loss, valid = float(logs["loss"]), float(logs["val_loss"])
            if not (math.isfinite(loss) and math.isfinite(valid)):
                self.bar.close()
                raise TrainingDiverged(
                    f"loss {loss}, validation loss {valid} in epoch {epoch + 1}. Hint: a smaller learning_rate, or"
                    " images and labels other than 'none'"
                )
            accuracies = {name: float(logs[name]) for name in ("accuracy", "val_accuracy") if name in logs}
            self.history.append({"epoch": epoch + 1, "loss": loss, "val_loss": valid, **accuracies})
            if valid < self.best_loss:
                self.best_epoch, self.best_loss = epoch + 1, valid
                if training["weights"] == "best":
                    self.best_weights = self.model.get_weights()
            self.bar.set_postfix(loss=f"{loss:.4g}", val_loss=f"{valid:.4g}")
            self.bar.update()
            if stopping:
                if valid < self.patience_loss - stopping["min_delta"]:
                    self.patience_from, self.patience_loss = epoch, valid
                elif epoch - self.patience_from >= stopping["patience"]:
                    self.model.stop_training = self.stopped = True
            checkpoint.save(self.state())
            if self.board:
                for name, value in self.history[-1].items():
                    self.board.add_scalar(name, value, global_step=self.epochs)
                self.board.flush()
            if self.warned():
                self.bar.close()
                raise Interrupted(
                    f"SIGTERM came (a time limit ahead, or scancel): stopping after epoch {self.epochs}, which is kept;"
                    " the next attempt goes on there"
                )

        def state(self) -> State:
            return State(
                facts={
                    "history": self.history,
                    "epoch_seconds": self.epoch_seconds,
                    "fit_seconds": self.fit_seconds,
                    "seconds": self.seconds_before + perf_counter() - self.begun,
                    "best": (self.best_epoch, self.best_loss),
                    "patience": (self.patience_from, self.patience_loss),
                    "stopped": self.stopped,
                    "plateau": self.plateau[0].memory() if self.plateau else {},
                },
                arrays={
                    "model": [_array(variable) for variable in self.model.variables],
                    "optimizer": [_array(variable) for variable in self.model.optimizer.variables],
                    "best": self.best_weights or [],
                },
            )

        def restore(self) -> None:
            self.bar.close()
            if self.board:
                self.board.close()
            if training["weights"] == "best":
                self.model.set_weights(self.best_weights)
            else:
                self.best_epoch = len(self.history)

    return Watch()


def _board(training: Mapping[str, Any], checkpoint: Checkpoint, anew: bool):
    """Return what writes logs for TensorBoard, beside the checkpoint, if the config asks for them."""
    if not training["tensorboard"] or checkpoint.path is None:
        return None
    from tensorboardX import SummaryWriter

    folder = checkpoint.path.parent / "tensorboard" / checkpoint.path.stem
    if anew:  # or the curves of an earlier config would stand among these
        shutil.rmtree(folder, ignore_errors=True)
    return SummaryWriter(str(folder), write_to_disk=True)


def _array(variable) -> np.ndarray:
    import keras

    return keras.ops.convert_to_numpy(variable)


def restore_state(model, kept: State) -> None:
    """Give a network and its optimizer the numbers they had, those of random generators among them."""
    model.optimizer.build(model.trainable_variables)
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, kept.arrays[name], strict=True):
            variable.assign(value)
