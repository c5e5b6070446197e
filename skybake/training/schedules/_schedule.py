"""What the files of the schedules share."""

from __future__ import annotations

from skybake.settings import Settings


class Schedule(Settings):
    """The options of a schedule.

    Attributes:
        name: That of its file.
    """

    name: str
