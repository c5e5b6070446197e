"""The bake-offs of the witness: those of tests/workflow, and what of the library these leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.raw.test_cifar import NAMES, python_2
from tests.workflow import test_losses, test_photoz, test_stamps, test_sweep
from tests.workflow.conftest import CONFIG


@dataclass(frozen=True)
class Case:
    """A small bake-off.

    Attributes:
        config: Of the workflow.
        prepare: Writes raw files into the folder where it runs.
    """

    config: Mapping[str, Any]
    prepare: Callable[[Path], None] = lambda folder: None


def cases() -> dict[str, Case]:
    """Return the bake-offs by name."""
    sweep = test_sweep.config(0.1, 2.0)
    sweep["bakeoffs"]["clusters"] |= {"inside": {"objects": 2}}
    stamps = deepcopy(test_stamps.CONFIG)
    stamps["bakeoffs"]["yes_or_no"] = {
        "datasets": ["stamps"],
        "models": ["dense"],
        "losses": ["binary_crossentropy", {"bayesian_binary_crossentropy": {"draws": 5}}],
        "seeds": [1],
        "training": {"epochs": 2, "images": "sigma_g_unit_sum", "optimizer": "sgd"},
    }
    photoz = deepcopy(test_photoz.CONFIG)
    photoz["datasets"]["galaxies"]["split"] = {"strategy": "sky", "cell": 0.05, "test": 0.3, "valid": 0.3, "seed": 1}
    return {
        "small": Case(CONFIG),
        "sweep": Case(sweep),
        "stamps": Case(stamps),
        "photoz": Case(photoz),
        "photographs": Case(PHOTOGRAPHS, write_photographs),
        "heads": Case(HEADS, write_blobs),
    }


PHOTOGRAPHS = {
    "datasets": {
        "photographs": {
            "survey": "cifar",
            "raw": {"batches": "cifar-10-batches-py"},
            "split": {"strategy": "official", "valid": 0.3, "seed": 40},
        }
    },
    "bakeoffs": {
        "course": {
            "datasets": ["photographs"],
            "models": [{"lesson_cnn_dropout": {"filters": 8}}],
            "losses": [{"bayesian_categorical_crossentropy": {"draws": 5}}, "focal"],
            "seeds": [1, 2],
            "training": {"epochs": 2, "images": "per_pixel"},
        }
    },
    "statistics": {"draws": 200},
}

# Every head of a regression, every baseline that needs no magnitudes, and training in other ways than the usual one.
HEADS = {
    "datasets": {
        "blobs": {
            "survey": "efeds",
            "raw": {"images": "cubes.pkl", "catalogue": "catalogue.feather"},
            "split": {"strategy": "holdout", "test": 0.3, "valid": 0.3, "seed": 40},
        }
    },
    "bakeoffs": {
        "heads": {
            "datasets": ["blobs"],
            "models": [{"deeper_sequential": {"filters": 8, "units": 16}}],
            "losses": [
                *("mae", "gaussian_crps", "student_t_nll", "mixture_nll", "quantile"),
                *({"bin_crossentropy": {"count": 10}}, {"expectation": {"count": 10}}),
            ],
            "baselines": ["constant", "redshift_only", "total_flux", "ridge_bands"],
            "seeds": [1],
            "training": {"epochs": 3, "schedule": "cosine", "augmentation": "flips"},
        },
        "as_published": {
            "datasets": ["blobs"],
            "models": [{"nonsequential_reference": {}}],
            "losses": ["mse"],
            "seeds": [1],
            "training": {
                **{"epochs": 3, "images": "none", "labels": "none", "weights": "last"},
                **{"optimizer": {"name": "sgd", "learning_rate": 1e-4, "momentum": 0.9}},
                "schedule": {"name": "plateau", "patience": 1},
            },
        },
        "from_disk": {
            "datasets": ["blobs"],
            "models": ["dense_bn"],
            "losses": ["gaussian_nll"],
            "seeds": [1],
            "training": {
                **{"epochs": 6, "memory_limit_mb": 0.05, "images": "standardise", "optimizer": "rmsprop"},
                "early_stopping": {"patience": 1},
            },
        },
        "jax": {
            "datasets": ["blobs"],
            "models": ["mixed_simple_sequential"],
            "losses": ["huber"],
            "seeds": [1],
            "training": {"epochs": 2, "backend": "jax", "shuffle": "chunks"},
        },
        "bfloat16": {
            "datasets": ["blobs"],
            "models": ["simple_sequential"],
            "losses": ["log_cosh"],
            "seeds": [1],
            "training": {"epochs": 2, "precision": "mixed_bfloat16"},
        },
    },
    "statistics": {"draws": 200},
}


def write_blobs(folder: Path) -> None:
    """Write raw files of the efeds survey, as the test of all losses does."""
    test_losses.write_raw(folder, 150)


def write_photographs(folder: Path) -> None:
    """Write batches of the cifar survey, as Python 2 did: noise whose colour tells the class."""
    batches = folder / "cifar-10-batches-py"
    batches.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    for name, said in (
        *((f"data_batch_{number}", f"training batch {number} of 2") for number in (1, 2)),
        ("test_batch", "testing batch 1 of 1"),
    ):
        labels = rng.integers(0, len(NAMES), 50)
        colour = 60 * np.eye(len(NAMES))[labels].repeat(1024, axis=1)
        data = rng.integers(0, 190, (50, 3072)) + colour
        content = {"batch_label": said, "labels": labels.tolist(), "data": data.astype(np.uint8)}
        (batches / name).write_bytes(python_2(content))
    meta = {"num_cases_per_batch": 50, "label_names": NAMES, "num_vis": 3072}
    (batches / "batches.meta").write_bytes(python_2(meta))
