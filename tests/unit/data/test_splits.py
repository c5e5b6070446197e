"""Splits: the reference's rows, groups kept together, digests."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sklearn.model_selection import train_test_split

from skybake.data import columns, splits
from skybake.data.dataset import load_dataset
from skybake.data.splits import _whole_groups
from skybake.data.writer import create_dataset
from skybake.settings import one_of
from tests.conftest import SCHEMA, write_dataset


class Objects:
    """As much of a dataset as a split of objects without labels asks for."""

    path, digest, classes = "memory", "d", ()

    def __init__(self, groups):
        self.groups = np.array([f"g{group}" for group in groups])

    def __len__(self):
        return len(self.groups)


def parts_of(strategy, groups):
    """Return the parts of objects of some groups."""
    split = splits.make(Objects(groups), strategy)
    return split.train, split.valid, split.test


def test_holdout_gives_the_rows_of_the_reference():
    rows = np.arange(7946)
    rest, test = train_test_split(rows, test_size=0.1, random_state=40)
    train, valid = train_test_split(rest, test_size=0.1, random_state=40)
    found = parts_of({"strategy": "holdout"}, range(7946))
    assert [len(part) for part in found] == [6435, 716, 795]
    for ours, theirs in zip(found, (train, valid, test), strict=True):
        assert np.array_equal(ours, theirs)


def test_fractions_cut_as_astroml_does():
    """astroML.utils.split_samples: cumulated fractions of n, truncated, of rows shuffled by RandomState."""
    edges = (np.cumsum([0.7, 0.1, 0.2]) * 1001).astype(int)
    rows = np.arange(1001)
    np.random.RandomState(3).shuffle(rows)
    found = parts_of({"strategy": "fractions", "seed": 3}, range(1001))
    for ours, theirs in zip(found, (rows[: edges[0]], rows[edges[0] : edges[1]], rows[edges[1] :]), strict=True):
        assert np.array_equal(ours, theirs)


STRATEGIES = [
    {"strategy": "holdout", "test": 0.2, "valid": 0.1, "seed": 1},
    {"strategy": "fractions", "train": 0.6, "valid": 0.2, "test": 0.2, "seed": 1},
    {"strategy": "group", "test": 0.2, "valid": 0.2, "seed": 1},
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy["strategy"])
@settings(max_examples=30, deadline=None)
@given(groups=st.lists(st.integers(0, 30), min_size=40, max_size=120), seed=st.integers(0, 1000))
def test_parts_are_disjoint_and_complete(strategy, groups, seed):
    if len(set(groups)) < 10:
        return
    objects = Objects(groups)
    split = splits.make(objects, strategy | {"seed": seed})
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(len(groups)))
    if strategy["strategy"] == "group":
        assert splits.shared_groups(split, objects.groups) == []


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy["strategy"])
def test_a_split_survives_its_file_and_reproduces(strategy, tmp_path):
    data = load_dataset(write_dataset(tmp_path / "dataset.h5"))
    split = splits.make(data, strategy)
    splits.write(tmp_path / "a.h5", split)
    splits.write(tmp_path / "b.h5", splits.make(data, strategy))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    again = splits.load(tmp_path / "a.h5", data)
    assert again.strategy == strategy
    for part in splits.PARTS:
        assert np.array_equal(getattr(again, part), getattr(split, part))


def test_a_random_split_of_grouped_objects_is_seen_to_leak(tmp_path):
    data = load_dataset(write_dataset(tmp_path / "dataset.h5"))
    assert splits.shared_groups(splits.make(data, STRATEGIES[0]), data.groups)
    assert not splits.shared_groups(splits.make(data, STRATEGIES[2]), data.groups)


def test_each_object_is_tested_in_one_fold_and_validates_in_another(tmp_path):
    objects, strategy = Objects(np.arange(60) // 2), {"strategy": "kfold", "folds": 5, "seed": 3}
    found = list(splits.make_all(objects, strategy))
    assert len(found) == 5
    for part in ("test", "valid"):
        assert sorted(np.concatenate([getattr(fold, part) for fold in found])) == list(range(60))
    assert not any(splits.shared_groups(fold, objects.groups) for fold in found)
    assert all(np.array_equal(fold.valid, after.test) for fold, after in pairwise(found))
    splits.write(tmp_path / "split.h5", *found)
    for number, fold in enumerate(found, start=1):
        again = splits.load(tmp_path / "split.h5", objects, number)
        assert np.array_equal(again.train, fold.train)
        assert again.strategy == strategy
    assert list(splits.tested(tmp_path / "split.h5", objects)) == list(range(60))
    with pytest.raises(splits.SplitError, match="no fold 6"):
        splits.load(tmp_path / "split.h5", objects, 6)
    with pytest.raises(splits.SplitError, match="30 groups found, expected at least 31"):
        splits.make(objects, strategy | {"folds": 31})


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy["strategy"])
def test_a_split_is_repeated_with_the_seeds_that_follow(strategy):
    objects = Objects(np.arange(90) // 3)
    found = list(splits.make_all(objects, strategy | {"repeats": 3}))
    for place, split in enumerate(found):
        assert np.array_equal(split.test, splits.make(objects, strategy | {"seed": strategy["seed"] + place}).test)
    assert len({tuple(split.test) for split in found}) == 3


def test_a_split_of_another_dataset_is_refused(tmp_path):
    one = load_dataset(write_dataset(tmp_path / "one.h5"))
    other = load_dataset(write_dataset(tmp_path / "other.h5", prefix="other"))
    splits.write(tmp_path / "split.h5", splits.make(one, STRATEGIES[0]))
    with pytest.raises(splits.SplitError, match=r"split\.h5: made for a dataset.*other\.h5"):
        splits.load(tmp_path / "split.h5", other)


def write_classes(path, labels, *, groups=None, official=None):
    """Write a dataset of two named classes."""
    schema = replace(
        SCHEMA,
        task="classification",
        labels={"class": columns.class_column(("noise", "source"))},
        scalars={} if official is None else {"set_aside": columns.Column("", "test", columns.OFFICIAL_TEST)},
    )
    with create_dataset(path, schema) as writer:
        writer.append(
            image=np.zeros((len(labels), 2, 2, 2)),
            id=[f"o{row}" for row in range(len(labels))],
            group=[f"g{row}" for row in range(len(labels))] if groups is None else groups,
            labels={"class": np.array(labels, dtype=float)},
            scalars={} if official is None else {"set_aside": np.array(official, dtype=float)},
        )
    return load_dataset(path)


OFFICIAL = {"strategy": "official", "valid": 0.25, "seed": 3}


def test_the_official_test_set_is_the_test_part(tmp_path):
    tested = np.arange(60) % 3 == 1
    data = write_classes(tmp_path / "d.h5", np.arange(60) % 2, official=tested)
    split = splits.make(data, OFFICIAL)
    assert np.array_equal(split.test, np.flatnonzero(tested))
    assert len(split.valid) == 10
    assert sorted([*split.train, *split.valid]) == list(np.flatnonzero(~tested))
    other = splits.make(data, OFFICIAL | {"seed": 4})
    assert np.array_equal(other.test, split.test)
    assert set(other.valid) != set(split.valid)
    splits.write(tmp_path / "s.h5", split)
    assert splits.load(tmp_path / "s.h5", data).strategy == OFFICIAL


def test_an_official_split_needs_an_official_test_set(tmp_path):
    data = load_dataset(write_dataset(tmp_path / "d.h5"))
    with pytest.raises(splits.SplitError, match=r"d\.h5: no scalar of kind 'official_test'; found redshift. Hint"):
        splits.make(data, OFFICIAL)
    data = write_classes(tmp_path / "none.h5", [0, 1] * 5, official=[0] * 10)
    with pytest.raises(splits.SplitError, match="no object in the part 'test'"):
        splits.make(data, OFFICIAL)


def test_a_class_without_an_object_to_train_on_is_refused(tmp_path):
    """All sources are one object: whatever part it falls into, the others have none."""
    labels, groups = [0] * 40 + [1] * 5, [*(f"n{row}" for row in range(40)), *["one"] * 5]
    data = write_classes(tmp_path / "d.h5", labels, groups=groups)
    found = []
    for seed in range(12):
        try:
            found.append(1.0 in data.labels["class"][splits.make(data, STRATEGIES[2] | {"seed": seed}).train])
        except splits.SplitError as error:
            found.append(str(error))
    assert True in found
    assert False not in found
    refused = [item for item in found if item is not True]
    assert refused
    assert all("no object of class 1 (source) to train on" in item and "they are 1 group." in item for item in refused)


def test_too_few_groups_are_refused():
    with pytest.raises(splits.SplitError, match="2 groups found, expected at least 3"):
        _whole_groups.grouped(np.array(["a", "a", "b"]), test=0.1, valid=0.1, seed=0)


@pytest.mark.parametrize(
    ("test", "valid", "words"), [(0.34, 0.5, "valid: 0.5 of 1 groups"), (0.9, 0.1, "test: 0.9 of 3")]
)
def test_shares_that_leave_no_group_are_refused(test, valid, words):
    with pytest.raises(splits.SplitError, match=f"{words}.* leaves none.*Hint: smaller shares"):
        _whole_groups.grouped(np.array(["a", "b", "c"] * 5), test=test, valid=valid, seed=0)


TEMPLATE = '''"""Every third object is tested."""

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.splits._strategy import Strategy


class Options(Strategy):
    """Every so many objects one is tested."""

    strategy: Literal["every_third"]
    step: int = Field(3, ge=2, description="So many.")
    seed: int = Field(0, ge=0, description="Without effect.")


def parts(dataset, options):
    rows = np.arange(len(dataset))
    return rows[options.step % 3 :: 3], rows[1::3], rows[2::3]
'''


@pytest.fixture
def every_third(new_plugin):
    """The type of a strategy's block, with a strategy in a file of its own."""
    new_plugin("data/splits", "every_third", TEMPLATE)
    return TypeAdapter(one_of("data/splits", "parts", tag="strategy", usual="every_third"))


def test_a_file_is_enough_for_a_strategy(every_third, tmp_path):
    for short in ("every_third", {}, {"strategy": "every_third", "step": 3}):
        assert every_third.validate_python(short).model_dump() == {"strategy": "every_third", "step": 3, "seed": 0}
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        every_third.validate_python({"step": 1})
    data = load_dataset(write_dataset(tmp_path / "dataset.h5"))
    assert list(splits.make(data, {"strategy": "every_third"}).test) == list(range(2, len(data), 3))
    assert not splits.keeps_groups_whole("every_third")


def test_parts_that_lose_or_repeat_a_row_are_refused(every_third, tmp_path):
    data = load_dataset(write_dataset(tmp_path / "dataset.h5"))
    with pytest.raises(splits.SplitError, match=r"every_third\.py: parts of \d+ objects .* each row once"):
        splits.make(data, {"strategy": "every_third", "step": 4})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('Literal["every_third"]', 'Literal["third"]', 'expected Literal."every_third".'),
        ("    seed: int", "    sed: int", "Options.seed is missing"),
        ("class Options", "class Settings", "Options.strategy: none found"),
    ],
)
def test_a_file_that_is_no_strategy_is_told_where_it_is_named(new_plugin, old, new, words):
    new_plugin("data/splits", "every_third", TEMPLATE.replace(old, new))
    block = TypeAdapter(one_of("data/splits", "parts", tag="strategy", usual="holdout"))
    assert block.validate_python("holdout").strategy == "holdout"
    for short in ("every_third", {"strategy": "every_third"}):
        with pytest.raises(ValidationError, match=rf"skybake/data/splits/every_third\S*: .*{words}"):
            block.validate_python(short)
