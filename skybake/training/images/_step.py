"""What the files of the steps share."""

from __future__ import annotations

from skybake.settings import Settings


class Step(Settings):
    """The options of a step.

    Attributes:
        name: That of its file.
    """

    name: str
