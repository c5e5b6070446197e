"""How the learning rate changes, as the config says it: a block of one of the schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skybake.settings import one_of
from skybake.training.schedules._schedule import Schedule

if TYPE_CHECKING:
    AnySchedule = Schedule
else:
    AnySchedule = one_of("training/schedules", "rate", tag="name", usual="constant")
