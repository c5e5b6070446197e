"""Simulators that write the raw files of a survey: a file or folder for each, called as the survey's reader.

A simulator has:

- ``Options``: its settings, a ``seed`` among them;
- ``RAW_FILES``: name of each raw file, as the reader's ``RAW`` has them -> its name on disk; a folder ends with ``/``;
- ``SMALL``: options of a survey that is simulated in seconds, for tests;
- ``simulate(raw, options, *, threads=1)``, which writes the files: the same bytes for the same options.

It may also tell how well the label can be predicted at all:

- ``LIMIT``: ``label``, the one that it is of, and ``objects``, of how many test objects it is found at most;
- ``simulate`` writes, where ``raw`` has ``truth``, what was drawn (:func:`skybake.data.limit.write_truth`) beside the
  same raw files;
- ``limit(options, truth)``: lines (:class:`skybake.data.limit.Limit`) of the objects whose truth it is given.
"""
