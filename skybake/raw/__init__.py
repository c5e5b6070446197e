"""Readers of raw survey files, one file per survey; see :mod:`skybake.raw.efeds` for the form."""


class RawError(ValueError):
    """Raw files that cannot be read as a whole; single bad objects go to ``rejected.csv`` instead."""
