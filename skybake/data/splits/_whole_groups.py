"""Parts of whole groups."""

from __future__ import annotations

import numpy as np

from skybake.data.splits._strategy import SplitError


def grouped(groups: np.ndarray, *, test: float, valid: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hold out whole groups: ``test`` of the groups, then ``valid`` of those that remain.

    Raises:
        SplitError: Fewer than three groups, or too few to leave some for each part.
    """
    names = np.unique(groups)
    if len(names) < 3:
        raise SplitError(f"{len(names)} groups found, expected at least 3. Hint: split by 'holdout' or 'fractions'")
    rest, tested = _whole_groups(groups, test, seed, "test")
    trained, validated = _whole_groups(groups[rest], valid, seed, "valid")
    return rest[trained], rest[validated], tested


def _whole_groups(groups: np.ndarray, share: float, seed: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (n,) of the groups that stay, and those of the share of groups that is held out for a part."""
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    try:
        return next(splitter.split(groups, groups=groups))
    except ValueError:
        raise SplitError(
            f"{part}: {share:g} of {len(np.unique(groups))} groups leaves none for the other parts; expected a share"
            " that leaves at least one. Hint: smaller shares, or more groups"
        ) from None
