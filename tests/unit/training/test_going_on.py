"""More epochs go on with a finished network and give the bytes of all at once, or it is said why they do not."""

import json

import pytest

from tests.unit.training.test_checkpoints import SAME, demanding, train

STEADY = {"epochs": 4, "checkpoint_seconds": 3600, "early_stopping": None}
CASES = {
    "plateau": {},  # with dropout and augmentation, and the best weights
    "constant": {"schedule": "constant", "weights": "last", "optimizer": {"learning_rate": 0.01}},
    "stops": {"early_stopping": {"patience": 2, "min_delta": 9.0}},  # in epoch 3
}


def of(case, **changes):
    return demanding(**{**STEADY, **CASES[case], **changes})


def same(found, expected):
    return [file for file in SAME if (found / file).read_bytes() != (expected / file).read_bytes()] == []


@pytest.fixture(scope="module")
def at_once(small, tmp_path_factory):
    """A training of four epochs by the name of its case."""
    return {case: train(small, of(case), tmp_path_factory.mktemp(case))[1] for case in CASES}


@pytest.mark.parametrize("case", list(CASES))
def test_more_epochs_give_the_bytes_of_all_at_once(case, small, tmp_path, at_once, capsys):
    first = json.loads((train(small, of(case, epochs=2), tmp_path)[1] / "run.json").read_text())
    assert first["epochs"] == 2
    assert "going on" not in capsys.readouterr().out
    found = train(small, of(case), tmp_path)[1]
    assert "seed 1: going on after epoch 2" in capsys.readouterr().out
    assert same(found, at_once[case])
    timing = json.loads((found / "timing.json").read_text())
    assert len(timing["epoch_seconds"]) == (3 if case == "stops" else 4)
    assert timing["train_seconds"] > sum(timing["epoch_seconds"])


def test_where_the_length_matters_it_starts_anew_and_says_why(small, tmp_path, capsys):
    cosine = {"schedule": "cosine"}
    train(small, of("constant", epochs=2, **cosine), tmp_path / "cosine")
    train(small, of("constant", epochs=3, **cosine), tmp_path / "cosine")
    said = capsys.readouterr().out
    assert (
        "seed 1: starting anew: with the schedule 'cosine' all rates depend on the number of epochs, which was 2"
        in said
    )
    assert "going on" not in said


def test_fewer_epochs_or_another_change_start_anew(small, tmp_path, capsys):
    train(small, of("constant", epochs=3), tmp_path)
    fewer = train(small, of("constant", epochs=2), tmp_path)[1]
    assert "seed 1: starting anew: 3 epochs are done, and 2 asked for" in capsys.readouterr().out
    assert json.loads((fewer / "run.json").read_text())["epochs"] == 2
    train(small, of("constant", batch_size=16, epochs=1), tmp_path)
    assert "going on" not in capsys.readouterr().out
