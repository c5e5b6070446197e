"""What the SDSS archive has for a catalogue: five frames of every field that holds an object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skybake.raw.sdss import Options

FETCHED = "frames"

_RERUN = "301"  # of all frames since DR8


def archive_paths(raw: Mapping[str, Path], options: Options) -> list[str]:
    """Return the frames that usable objects need, each once: ``<rerun>/<run>/<camcol>/frame-<band>-....fits.bz2``.

    That is the layout below https://data.sdss.org/sas/dr17/eboss/photoObj/frames (data model: BOSS_PHOTOOBJ/frames).

    Args:
        raw: ``catalogue`` and perhaps ``spectra``, as :mod:`skybake.raw.sdss` takes them.
        options: Those of that reader; rows that it would reject for what the catalogue says need no frame.

    Raises:
        RawError: The catalogue or the spectra cannot be read, or a column is missing.
    """
    from skybake.raw.sdss import read_objects
    from skybake.raw.sdss.frames import BANDS, frame_name

    _, _, objects, _, _ = read_objects(raw, options)
    fields = {
        (rerun or _RERUN, int(run), int(camcol), int(field))
        for rerun, run, camcol, field in zip(objects.rerun, objects.run, objects.camcol, objects.field, strict=True)
    }
    return sorted(
        f"{rerun}/{run}/{camcol}/{frame_name(band, run, camcol, field)}.bz2"
        for rerun, run, camcol, field in fields
        for band in BANDS
    )
