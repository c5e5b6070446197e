"""Settings that every reader has."""

from __future__ import annotations

from pydantic import Field

from skybake.settings import Settings


class CommonOptions(Settings):
    """What is asked of every reading."""

    most_rejected: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Ingest stops if one reason rejects more than this fraction of the rows; 1: it never does.",
    )
