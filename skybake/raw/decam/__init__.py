"""Survey ``decam``: stamps of moving objects, coadded along tracks, and of what is none (after KBMOD and astroML).

Raw files, in one of two forms:

- ``sources`` and ``noise``: two ``.npy`` arrays of stamps. Sources are class 1, noise is class 0, and rows are counted
  through both, sources first.
- ``stamps``: one array of both, ``.npy`` or ``.npz``, with labels in a named array of the ``.npz`` or in a column of
  the catalogue.

``catalogue`` is optional with either: a CSV, FITS table or parquet with one row per stamp, in the stamps' order, or
matched to it by a name that both have.

Stamps are square and flattened (N, H W), (N, H, W), (N, H, W, C) or (N, C, H, W); a ``.npy`` is mapped into memory and
read in blocks. Flattened ones are of one channel unless the option ``size`` says otherwise, which it must where their
pixels may be several channels of a smaller square. Pixels that are not finite, or beyond 1e30 as placeholders
for missing ones are, are *masked*: they become the median of their stamp and band, and the scalar ``n_masked`` counts
them.

*Classes.* The label ``class`` is a number; its names stand in the dataset's attribute ``classes``. Where the catalogue
of ``sources`` and ``noise`` has a column ``class`` it must agree: two files swapped are two classes swapped.

*Groups.* Candidates a pixel or a velocity apart show the same object. ``group`` names the object or the position;
``group_pattern`` takes a position out of a name, and ``group_link`` joins positions that are near each other.

*Counting.* Accepted + rejected = number of stamps. A stamp with the same pixels as an earlier one is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skybake.data.columns import Column, Schema, class_column
from skybake.raw import Reading
from skybake.raw.decam.facts import LABEL, columns_of, describe_stamps
from skybake.raw.decam.files import open_files
from skybake.raw.decam.options import Options
from skybake.raw.decam.pixels import assumed, band_names, common_form, read_stamps

TASK = "classification"
INPUTS = ()
RAW = {
    "sources": "array of stamps of sources (N, H W), (N, H, W) or with channels: .npy",
    "noise": "array of stamps of anything else, of the same form: .npy",
    "stamps": "array of stamps of both: .npy, or .npz with labels",
    "catalogue": "CSV, FITS table or parquet with a row for each stamp",
}
RAW_FORMS = (("sources", "noise"), ("stamps",))


def read(raw: Mapping[str, Path], options: Options, threads: int) -> Reading:
    """Read the stamps, in their order: (N, H, W, C) in the units of the options, label ``class``, scalar ``n_masked``.

    Raises:
        RawError: The files cannot be read or do not belong together.
    """
    arrays, fields = open_files(raw, options)
    form = common_form(arrays, options)
    known = describe_stamps(arrays, fields, options)
    schema = Schema(
        bands=band_names(form.channels, options),
        image=Column(options.units, "stamps as they are, masked pixels the median of their stamp and band"),
        labels={LABEL: class_column(options.classes)},
        scalars={
            **columns_of({name: text for name, (text, _) in known.scalars.items()}),
            "n_masked": Column(
                "", "masked pixels, over all channels; they hold the median of their stamp and band", "count"
            ),
        },
    )
    return Reading(
        schema,
        rows=len(known.ids),
        batches=read_stamps(arrays, form, known, options),
        warnings=list(assumed(arrays, form, options)),
    )
