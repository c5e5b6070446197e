"""Simulators that write the raw files of a survey, one file per survey; see :mod:`skybake.mock.efeds` for the form."""
