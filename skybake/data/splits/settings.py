"""How a dataset is divided, as the config says it: a block of one of the strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skybake.data.splits._strategy import Strategy
from skybake.settings import one_of

if TYPE_CHECKING:
    AnyStrategy = Strategy
else:
    AnyStrategy = one_of("data/splits", "parts", tag="strategy", usual="holdout")
