"""The settings of published studies, against the table of what each of them says."""

from typing import get_args

import pytest

from skybake.config.blocks import Bakeoff
from skybake.training import presets
from skybake.training.settings import Training

# Study -> key of the training -> what its paper, page or notebook says.
SAID = {
    "published_clusters": {
        "images.name": "none",
        "labels": "none",  # and so the head's bias begins at zero
        "optimizer.name": "adam",
        "optimizer.learning_rate": 1e-3,
        "batch_size": 32,
        "epochs": 40,
        "weights": "last",
        "schedule.warmup_epochs": 0,
        "augmentation": "none",
        "early_stopping": None,
    },
    "published_stamps": {
        "images.name": "sigma_g_unit_sum",
        "labels": "none",
        "optimizer.name": "sgd",
        "optimizer.learning_rate": 0.01,
        "optimizer.momentum": 0,
        "batch_size": 64,
        "epochs": 5,
        "weights": "last",
        "schedule.warmup_epochs": 0,
        "augmentation": "none",
    },
    "published_photoz": {
        "images.name": "per_pixel",
        "labels": "none",
        "augmentation": "flips",
        "optimizer.name": "adam",
        "optimizer.learning_rate": 1e-4,
        "optimizer.epsilon": 1.0,
        "batch_size": 32,
        "epochs": 100,
        "early_stopping.patience": 3,
        "early_stopping.min_delta": 1e-4,
        "weights": "best",
        "schedule.warmup_epochs": 0,
    },
    "published_course": {
        "images.name": "none",
        "labels": "none",
        "optimizer.name": "adam",
        "optimizer.learning_rate": 1e-3,
        "optimizer.epsilon": 1e-7,
        "batch_size": 32,
        "epochs": 10,
        "weights": "best",
        "schedule.warmup_epochs": 0,
        "augmentation": "none",
    },
}


def value(training, key):
    for name in key.split("."):
        training = getattr(training, name)
    return training


@pytest.mark.parametrize(("study", "key"), [(study, key) for study, said in SAID.items() for key in said])
def test_a_preset_is_what_was_published(study, key):
    assert value(Training(preset=study), key) == SAID[study][key]


def test_every_study_has_its_preset():
    assert set(SAID) == set(presets.PRESETS) == set(get_args(presets.Name))
    assert all(Training(preset=name).l2 == 0 for name in SAID)


def test_keys_beside_a_preset_replace_its_own():
    block = {"datasets": ["a"], "models": ["m"], "losses": ["mse"]}
    bare = Bakeoff(**block, training="published_photoz").training
    assert bare == Training(preset="published_photoz")
    changed = Bakeoff(**block, training={"preset": "published_photoz", "epochs": 3, "optimizer": "sgd"}).training
    assert (changed.epochs, changed.optimizer.name, changed.augmentation) == (3, "sgd", "flips")
    again = Training(**changed.model_dump())  # as the merged config has it, with all keys
    assert again == changed
