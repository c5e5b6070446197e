"""Raw files from a survey's archive, for datasets that have ``fetch`` in the config.

A survey that can be fetched has a file here, ``<survey>.py`` with ``FETCHED`` (the raw folder to fill) and
``archive_paths`` (what the catalogue needs). From there on it is the same for all: :mod:`skybake.fetch.wanted` divides
the files into chunks, :mod:`skybake.fetch.download` gets those of one chunk, :mod:`skybake.fetch.ledger` says of every
file whether it is here, and why not.
"""

from pydantic import Field

from skybake.settings import Settings


class Fetch(Settings):
    """Raw files that are not here are downloaded from the survey's archive. What is here already is never asked for."""

    base_url: str = Field(
        pattern=r"^https?://[^\s/?#]+[^\s?#]*$",
        description="The archive's folder above those of the files; for SDSS the one with the reruns.",
    )
    chunks: int = Field(4, ge=1, le=1000, description="Download jobs; each gets an equal share of the files.")
    connections: int = Field(
        2,
        ge=1,
        le=8,
        description="Downloads at a time in a job: chunks x connections at most in all.",
    )
    delay: float = Field(0.1, ge=0, description="Seconds at least between two requests of a job.")
    attempts: int = Field(5, ge=1, description="Attempts in a row that bring nothing new before a file is given up.")
    backoff: float = Field(1.0, ge=0, description="Seconds before the second attempt, twice as many before the next.")
    longest_pause: float = Field(
        300.0, ge=0, description="Seconds; a server that asks for a longer pause (Retry-After) ends the job."
    )
    connect_timeout: float = Field(10.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(60.0, gt=0, description="Seconds of silence before a connection is given up.")
    attempt_timeout: float = Field(900.0, gt=0, description="Seconds one attempt may take, however little arrives.")
