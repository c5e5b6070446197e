"""Simulators that write the raw files of a survey: a file or folder for each, called as the survey's reader.

A simulator has:

- ``Options``: its settings, a ``seed`` among them;
- ``RAW_FILES``: name of each raw file, as the reader's ``RAW`` has them -> its name on disk; a folder ends with ``/``;
- ``SMALL``: options of a survey that is simulated in seconds, for tests;
- ``simulate(raw, options, *, threads=1)``, which writes the files: the same bytes for the same options.
"""
