"""Survey ``decam``: stamps of moving objects, coadded along tracks, and of what is none (after KBMOD and astroML).

Raw files, in one of two forms:

- ``sources`` and ``noise``: two ``.npy`` arrays of stamps. Sources are class 1, noise is class 0, and rows are counted
  through both, sources first.
- ``stamps``: one array of both, ``.npy`` or ``.npz``, with labels in a named array of the ``.npz`` or in a column of
  the catalogue.

``catalogue`` is optional with either: a CSV, FITS table or parquet with one row per stamp, in the stamps' order, or
matched to it by a name that both have.

Stamps are square and flattened (N, H W), (N, H, W), (N, H, W, C) or (N, C, H, W); a ``.npy`` is mapped into memory and
read in blocks. Pixels that are not finite, or beyond :data:`ABSURD` as placeholders for missing ones are, are *masked*:
they become the median of their stamp and band, and the scalar ``n_masked`` counts them.

*Classes.* The label ``class`` is a number; its names stand in the dataset's attribute ``classes``. Where the catalogue
of ``sources`` and ``noise`` has a column ``class`` it must agree: two files swapped are two classes swapped.

*Groups.* Candidates a pixel or a velocity apart show the same object. ``group`` names the object or the position;
``group_pattern`` takes a position out of a name, and ``group_link`` joins positions that are near each other.

*Counting.* Accepted + rejected = number of stamps. A stamp with the same pixels as an earlier one is rejected.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from skybake.data.columns import Column, Schema
from skybake.data.rejections import Rejection, write_rejected
from skybake.data.writer import create_dataset as create
from skybake.files import file_digest
from skybake.raw.decam.facts import LABEL, describe_stamps, units_of
from skybake.raw.decam.files import open_files
from skybake.raw.decam.options import Options
from skybake.raw.decam.pixels import band_names, common_form, write_stamps

log = logging.getLogger(__name__)

TASK = "classification"
INPUTS = ()
RAW = {
    "sources": "array of stamps of sources (N, H W), (N, H, W) or with channels: .npy",
    "noise": "array of stamps of anything else, of the same form: .npy",
    "stamps": "array of stamps of both: .npy, or .npz with labels",
    "catalogue": "CSV, FITS table or parquet with a row for each stamp",
}
RAW_FORMS = (("sources", "noise"), ("stamps",))


def ingest(
    raw: Mapping[str, Path], out: Path, rejected: Path, options: Options, *, mock: bool, threads: int = 1
) -> None:
    """Write the dataset of the stamps, and what was left out.

    Args:
        raw: Paths of one of :data:`RAW_FORMS`, and perhaps of the catalogue.
        out: The dataset to write: image (N, H, W, C) in the units of the options, label ``class``, scalar
            ``n_masked`` and those of the options. Its rows are the stamps in their order.
        rejected: The CSV of rejected stamps to write.
        options: How to read.
        mock: Whether the files are simulated.
        threads: Not used: compression is the cost.

    Raises:
        RawError: The files cannot be read or do not belong together.
        DatasetError: No stamp was accepted; ``rejected`` is written all the same.
    """
    arrays, fields = open_files(raw, options)
    form = common_form(arrays, options)
    known = describe_stamps(arrays, fields, options)
    schema = Schema(
        survey="decam",
        task=TASK,
        bands=band_names(form.channels, options),
        image=Column(options.units, "stamps as they are, masked pixels the median of their stamp and band"),
        labels={LABEL: Column("", ", ".join(f"{number} {name}" for number, name in enumerate(options.classes)))},
        scalars={
            **{name: Column(units_of(name), text) for name, (text, _) in known.scalars.items()},
            "n_masked": Column("", "masked pixels, over all channels; they hold the median of their stamp and band"),
        },
        raw=_digests(raw),
        mock=mock,
        classes=options.classes,
    )
    rejections: list[Rejection] = []
    with create(out, schema) as writer:
        write_stamps(writer, arrays, form, known, options, rejections)
        write_rejected(rejected, rejections)
    log.info("%d stamps accepted, %d rejected", len(known.ids) - len(rejections), len(rejections))


def _digests(raw: Mapping[str, Path]) -> dict[str, str]:
    names = [Path(path).name for path in raw.values()]
    distinct = len(set(names)) == len(names)
    return {Path(path).name if distinct else f"{key}/{Path(path).name}": file_digest(path) for key, path in raw.items()}
