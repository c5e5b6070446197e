"""Survey ``sdss``: cutouts in five bands around catalogued objects, from the imaging survey's calibrated frames.

Raw files: a catalogue (CSV, also compressed, FITS table or parquet) with ``objID``, ``ra``, ``dec``, a label and,
unless the objID encodes them, ``run``, ``camcol``, ``field``; a folder with the five frames of each field; and perhaps
a folder of spectra, which give the redshifts that the catalogue lacks. The dataset is ordered by run, camcol and field,
and within a field as the catalogue is; a field is a group.

Beside the catalogue's own columns the scalars are dereddened magnitudes (magnitude - extinction) and the colours u-g,
g-r, r-i, i-z, of cModel magnitudes where the catalogue has them; none that the label is a part of.

Each frame is opened once. Reading stops after the last row of pixels that an object needs, so damage beyond it is not
seen; a file whose end is missing is, and costs its field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field as Setting

from skybake.data.columns import Column, Schema
from skybake.data.rejections import Rejection
from skybake.raw import Batch, RawError, Reading
from skybake.raw.cutting import CENTRING, Cutouts
from skybake.raw.options import CommonOptions
from skybake.raw.sdss.catalogue import Columns, choose_columns, is_redshift, read_catalogue
from skybake.raw.sdss.columns import label_column, scalar_column, with_preferred
from skybake.raw.sdss.frames import BANDS, Field, choose_frame, cut_fields, find_frames, frame_name
from skybake.raw.sdss.objects import Objects, select
from skybake.raw.sdss.spectra import Spectra, labels_of, read_spectra
from skybake.raw.tables import TABLE

TASK = "regression"
LABEL = "redshift"
INPUTS = ()
RAW = {
    "catalogue": "CSV, FITS table or parquet: objID, ra, dec, the label, and run, camcol, field of each object",
    "frames": "folder with frame-<band>-<run>-<camcol>-<field>.fits[.bz2] at any depth",
    "spectra": "folder with spec-<plate>-<mjd>-<fiber>.fits[.gz] at any depth: redshifts that the catalogue lacks",
}
RAW_FORMS = (("catalogue", "frames"),)  # spectra may be given or not


class Options(CommonOptions):
    """How objects are cut out of the frames, and what of the catalogue is kept."""

    label: str = Setting("redshift", description="catalogue column to predict, e.g. redshift or psfMag_r")
    id: str = Setting("", description="catalogue column with the objects' objID; empty: objID, bestObjID or id")
    size: int = Setting(32, ge=4, le=512, description="pixels (0.396 arcsec) along a side of the cutouts")
    centring: Literal["nearest", "resampled"] = Setting(
        "nearest",
        description=CENTRING,
    )
    scalars: tuple[str, ...] | None = Setting(
        None,
        description="catalogue columns to keep; by default position, magnitudes, extinction and redshift, and "
        "dereddened magnitudes and colours made of them, e.g. cModelMag_dered_r and g-r",
    )
    table: str = Setting("", description=TABLE)


def label_name(options: Options) -> str:
    """Return the label's name in the dataset: that of its column, or ``redshift`` whatever a redshift is called."""
    return "redshift" if is_redshift(options.label) else options.label


def check(raw: Mapping[str, Path], options: Options) -> list[str]:
    """Return the names of the scalars, of the catalogue and of cutouts.

    Raises:
        RawError: The catalogue is no table, or lacks a column.
    """
    columns = choose_columns(
        Path(raw["catalogue"]),
        options.label,
        options.scalars,
        spectra="spectra" in raw,
        table=options.table,
        needs_label=options.needs_label,
        id_column=options.id,
    )
    return [*columns.scalars, *columns.derived, "padded_fraction"]


def read(raw: Mapping[str, Path], options: Options, threads: int) -> Reading:
    """Cut every catalogued object out of its field's frames: (N, size, size, 5) float32 [nanomaggy], bands u g r i z.

    The middle of a cutout is at ((size - 1) / 2, (size - 1) / 2); each band is cut by its own WCS. Pixels beyond the
    frame are 0, the level of the subtracted sky, and their fraction stands in the scalar ``padded_fraction``. Rows of
    an object that stands in several are averaged (by inverse variance where the catalogue has errors of the label); all
    but the first are rejected as ``merged``.

    Raises:
        RawError: The catalogue cannot be read or lacks a column, or there is no folder of frames.
    """
    folder = Path(raw["frames"])
    if not folder.is_dir():
        raise RawError(f"{folder}: no such folder. Hint: it holds the frames, at any depth")
    columns, ids, objects, rejections, spectra = read_objects(raw, options)
    fields = _group_by_field(objects, find_frames(folder))
    return Reading(
        _schema(columns, options, spectra),
        rows=len(ids),
        batches=_batches(fields, objects, ids, options, threads),
        rejections=rejections,
        digests={} if spectra is None else {"spectra": spectra.digests},
    )


def read_objects(
    raw: Mapping[str, Path], options: Options
) -> tuple[Columns, np.ndarray, Objects, list[Rejection], Spectra | None]:
    """Read what is to be cut out: the catalogue, with redshifts of spectra where such are given.

    Returns:
        The columns, the ids of all rows, the objects that can be used, what is said against the other rows, and the
        spectra.

    Raises:
        RawError: The catalogue or the spectra cannot be read, a column is missing, or the label is no redshift though
            spectra are given.
    """
    catalogue, spectra = Path(raw["catalogue"]), None
    if "spectra" in raw:
        if not is_redshift(options.label):
            raise RawError(
                f"{raw['spectra']}: spectra give redshifts, but the label is {options.label!r}. Hint: label: redshift,"
                " or no spectra"
            )
        spectra = read_spectra(Path(raw["spectra"]))
    columns, table = read_catalogue(
        catalogue,
        options.label,
        options.scalars,
        spectra=spectra is not None,
        table=options.table,
        needs_label=options.needs_label,
        id_column=options.id,
    )
    labels = None if spectra is None else labels_of(columns, table, spectra)
    return columns, table.ids, *select(columns, table, labels, needs_label=options.needs_label), spectra


def _group_by_field(objects: Objects, frames: Mapping[str, list[Path]]) -> list[Field]:
    order = np.lexsort((objects.rows, objects.field, objects.camcol, objects.run))
    keys = np.stack([objects.run, objects.camcol, objects.field], axis=1)[order]
    starts = np.flatnonzero(np.any(np.diff(keys, axis=0, prepend=-1) != 0, axis=1))
    fields = []
    for members in np.split(order, starts[1:]) if len(order) else []:
        run, camcol, field = (int(numbers[members[0]]) for numbers in (objects.run, objects.camcol, objects.field))
        names = [frame_name(band, run, camcol, field) for band in BANDS]
        paths = tuple(choose_frame(frames.get(name, []), objects.rerun[members[0]]) for name in names)
        rows, ra, dec = (values[members] for values in (objects.rows, objects.ra, objects.dec))
        fields.append(Field(run, camcol, field, paths, rows, ra, dec))
    return fields


def _batches(
    fields: Sequence[Field], objects: Objects, ids: np.ndarray, options: Options, threads: int
) -> Iterator[Batch]:
    for cutouts in cut_fields(fields, options.size, options.centring, threads):  # which opens frames at once
        yield _batch(cutouts, objects, ids, label_name(options))


def _batch(cutouts: Cutouts, objects: Objects, ids: np.ndarray, label: str) -> Batch:
    places = np.searchsorted(objects.rows, cutouts.rows)
    scalars = {name: values[places] for name, values in objects.scalars.items()}
    return Batch(
        rows=cutouts.rows,
        image=cutouts.images,
        id=[objects.ids[place] for place in places],
        group=[f"{objects.run[place]}-{objects.camcol[place]}-{objects.field[place]}" for place in places],
        labels={label: objects.label[places]},
        scalars=scalars | {"padded_fraction": cutouts.padded},
        rejections=[Rejection(row, ids[row], reason, detail) for row, (reason, detail) in cutouts.rejected.items()],
        counts={
            "merged_objects": int(objects.merged[places].sum()),
            "objects_with_objid_of_another_field": int(objects.field_disagrees[places].sum()),
        },
        digests={"frames": cutouts.digests},
    )


def _schema(columns: Columns, options: Options, spectra: Spectra | None) -> Schema:
    label = label_name(options)
    scalars = {name: scalar_column(name, f"catalogue column {column}") for name, column in columns.scalars.items()}
    scalars |= {name: scalar_column(name, item.description) for name, item in columns.derived.items()}
    scalars = with_preferred(scalars)
    scalars["padded_fraction"] = Column(
        "", "fraction of the pixels that lie beyond the frame, and are 0", "padded_fraction"
    )
    notes: dict[str, str | float] = {"centring": options.centring}
    sources = [f"catalogue column {columns.label}"] if columns.label else []
    if spectra is not None:
        sources.append("Z of the object's spectrum")
        notes |= {"spectra": len(spectra.whole), "unreadable_spectra": len(spectra.unreadable)}
    sources = sources or ["no column: not known"]
    error = next((name for name, column in columns.scalars.items() if column == columns.label_error), "")
    return Schema(
        bands=BANDS,
        image=Column("nanomaggy", "sky-subtracted flux per pixel of 0.396 arcsec; magnitude 22.5 - 2.5 log10"),
        labels={label: label_column(label, " or else ".join(sources), error)},
        scalars=scalars,
        notes=notes,
    )
