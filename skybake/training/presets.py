"""Settings of published studies, by name: ``training: published_clusters`` in a config.

Each is what the study says of its training and nothing else; what it does not say is the config's default. Keys given
beside ``preset`` replace the preset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

_NO_WARM_UP = {"name": "constant", "warmup_epochs": 0}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Krippendorf et al. 2023 (arXiv:2305.00016): raw pixels and labels, bias from zero, Adam, 40 epochs.
    "published_clusters": {
        "epochs": 40,
        "batch_size": 32,
        "optimizer": {"name": "adam", "learning_rate": 1e-3},
        "schedule": _NO_WARM_UP,
        "images": "none",
        "labels": "none",
        "weights": "last",
    },
    # Connolly & Smotherman, astroML notebooks, chapter 9: pixels of about 1/441, given to SGD; vgg6's batch and epochs.
    # `dense` had batches of 1, 256 and 1,024 and 1, 20 and 15 epochs.
    "published_stamps": {
        "epochs": 5,
        "batch_size": 64,
        "optimizer": {"name": "sgd", "learning_rate": 1e-2},
        "schedule": _NO_WARM_UP,
        "images": "sigma_g_unit_sum",
        "labels": "none",
        "weights": "last",
    },
    # After Pasquet et al. 2019 (arXiv:1806.06607), the study's final run.
    "published_photoz": {
        "epochs": 100,
        "batch_size": 32,
        "optimizer": {"name": "adam", "learning_rate": 1e-4, "epsilon": 1.0},
        "schedule": _NO_WARM_UP,
        "images": "per_pixel",
        "augmentation": "flips",
        "labels": "none",
        "early_stopping": {"patience": 3, "min_delta": 1e-4},
        "weights": "best",
    },
    # A first course on CIFAR-10: raw pixels, Adam as Keras has it, the best model kept.
    "published_course": {
        "epochs": 10,
        "batch_size": 32,
        "optimizer": {"name": "adam", "learning_rate": 1e-3},
        "schedule": _NO_WARM_UP,
        "images": "none",
        "labels": "none",
        "weights": "best",
    },
}
Name = Literal["published_clusters", "published_stamps", "published_photoz", "published_course"]


def as_block(given: Any) -> Any:
    """Return a training block as the config has it; the name of a preset alone is a block too."""
    return {"preset": given} if isinstance(given, str) else given


def in_full(given: Any) -> Any:
    """Return a training block with the settings of its preset."""
    if not isinstance(given, Mapping):
        return given
    return {**PRESETS.get(str(given.get("preset")), {}), **given}
