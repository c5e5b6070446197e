"""The plain way of training, to compare with: Keras's ``fit``, to which numpy hands batch after batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skybake.training import feeding, preprocessing
from skybake.training.epochs import Parts


def train_epochs(
    model, parts: Parts, callbacks: Sequence[Any], epochs: range, step: int = 0, metrics: Sequence[np.ndarray] = ()
) -> None:
    """Train as :func:`skybake.training.epochs.train_epochs` does, with the same order and the same mirroring."""
    if step:
        raise ValueError("plain fit cannot go on in the middle of an epoch")
    import keras

    class Batches(keras.utils.PyDataset):
        def __init__(self, part: feeding.Subset, seed: int | None):
            super().__init__()
            self.part, self.seed, self.epoch = part, seed, epochs.start - 1
            self.stream = feeding.Stream(part.images)
            self.on_epoch_end()

        def __len__(self) -> int:
            return math.ceil(len(self.part) / parts.batch_size)

        def __getitem__(self, index: int):
            first = index * parts.batch_size
            last = min(first + parts.batch_size, len(self.part))
            places = self.stream.order[first:last]
            batch = {"image": self.stream.take(first, last)}
            if self.part.scalars is not None:
                batch["scalars"] = self.part.scalars[places]
            if self.seed is not None and parts.augmentation != "none":
                rng = np.random.default_rng([self.seed, self.epoch, index])
                forms = rng.integers(preprocessing.FORMS[parts.augmentation], size=last - first)
                batch["image"] = mirrored(batch["image"], forms)
            return batch, self.part.targets[places]

        def on_epoch_end(self) -> None:
            """Begin the next epoch; Keras says so once before the first one too."""
            self.epoch += 1
            self.stream.start(self.part.images.handfuls(self.part.shuffle, self.seed, self.epoch))

    model.fit(
        Batches(parts.train, parts.seed),
        validation_data=Batches(parts.valid, None),
        epochs=epochs.stop,
        initial_epoch=epochs.start,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


def mirrored(images: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """Return images (N, H, W, C), each in its form (N,)."""
    result = images.copy()
    for bit, change in ((1, lambda x: x[:, ::-1]), (2, lambda x: x[:, :, ::-1]), (4, lambda x: x.swapaxes(1, 2))):
        chosen = (forms & bit) > 0
        result[chosen] = change(result[chosen])
    return result
