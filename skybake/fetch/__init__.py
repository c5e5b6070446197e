"""Raw files from the network, for datasets that have ``fetch`` or ``download`` in the config.

A survey that can be fetched has a file here, ``<survey>.py`` with ``FETCHED`` (the raw folder to fill) and
``archive_paths`` (what the catalogue needs). From there on it is the same for all: :mod:`skybake.fetch.wanted` divides
the files into chunks, :mod:`skybake.fetch.download` gets those of one chunk, :mod:`skybake.fetch.ledger` says of every
file whether it is here, and why not.

Single files, archives of them and answers of a catalogue server are got by :mod:`skybake.fetch.single`, of any reader.
"""

from __future__ import annotations

from pydantic import Field, model_validator

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


SKYSERVER = "https://skyserver.sdss.org"


class Download(Settings):
    """A raw file or folder that is downloaded if it is not here. What is here is never replaced."""

    address: str = Field(
        SKYSERVER,
        pattern=r"^https?://[^\s/?#]+\S*$",
        description="Where the file lies; an archive (`.tar.gz`, `.zip`) is unpacked. With `query`, the SkyServer.",
    )
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of what lies at the address; with another nothing is kept.",
    )
    query: str | None = Field(
        None, description="Instead of `sha256`: path of a query in SQL, whose answer becomes the file (CSV)."
    )
    release: int = Field(17, ge=12, description="The data release of SDSS that the query is asked of.")

    @model_validator(mode="after")
    def _one_kind(self) -> Download:
        if (self.sha256 is None) == (self.query is None):
            raise ValueError("give either 'sha256' (of a file at 'address') or 'query' (of a catalogue), and not both")
        if self.sha256 and self.address == SKYSERVER:
            raise ValueError("'address' is missing; expected where the file of that 'sha256' lies")
        return self
