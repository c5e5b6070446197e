"""What the SDSS archive has for a catalogue: five frames of every field that holds an object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skybake.settings import Settings

FETCHED = "frames"

_RERUN = "301"  # of all frames since DR8


def archive_paths(raw: Mapping[str, Path], options: Settings) -> list[str]:
    """Return the frames that usable objects need, each once: ``<rerun>/<run>/<camcol>/frame-<band>-....fits.bz2``.

    That is the layout below https://data.sdss.org/sas/dr17/eboss/photoObj/frames (data model: BOSS_PHOTOOBJ/frames).

    Args:
        raw: ``catalogue``, as :mod:`skybake.raw.sdss` takes it.
        options: Those of that reader; rows that it would reject for what the catalogue says need no frame.

    Raises:
        RawError: The catalogue cannot be read or lacks a column.
    """
    from skybake.raw._sdss_catalogue import read_catalogue
    from skybake.raw._sdss_frames import BANDS, frame_name
    from skybake.raw._sdss_objects import select

    columns, table = read_catalogue(Path(raw["catalogue"]), options.label, options.scalars)
    objects, _ = select(columns, table)
    fields = {
        (rerun or _RERUN, int(run), int(camcol), int(field))
        for rerun, run, camcol, field in zip(objects.rerun, objects.run, objects.camcol, objects.field, strict=True)
    }
    return sorted(
        f"{rerun}/{run}/{camcol}/{frame_name(band, run, camcol, field)}.bz2"
        for rerun, run, camcol, field in fields
        for band in BANDS
    )
