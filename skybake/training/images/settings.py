"""What is done to images, as the config says it: a block of one of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skybake.settings import one_of
from skybake.training.images._step import Step

if TYPE_CHECKING:
    AnyStep = Step
else:
    AnyStep = one_of("training/images", "apply", tag="name", usual="log")
