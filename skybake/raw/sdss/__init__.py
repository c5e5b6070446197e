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

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field as Setting

from skybake import hdf5
from skybake.data.columns import CHUNK_OBJECTS, Column, DatasetError, Schema
from skybake.data.rejections import Rejection, write_rejected
from skybake.data.writer import Writer
from skybake.data.writer import create_dataset as create
from skybake.files import atomic_write, file_digest
from skybake.raw import RawError
from skybake.raw.sdss.catalogue import Columns, is_redshift, read_catalogue
from skybake.raw.sdss.frames import BANDS, Cutouts, Field, choose_frame, cut_fields, find_frames, frame_name
from skybake.raw.sdss.objects import Objects, select
from skybake.raw.sdss.spectra import Spectra, labels_of, read_spectra
from skybake.settings import Settings

TASK = "regression"
LABEL = "redshift"
INPUTS = ()
RAW = {
    "catalogue": "CSV, FITS table or parquet: objID, ra, dec, the label, and run, camcol, field of each object",
    "frames": "folder with frame-<band>-<run>-<camcol>-<field>.fits[.bz2] at any depth",
    "spectra": "folder with spec-<plate>-<mjd>-<fiber>.fits[.gz] at any depth: redshifts that the catalogue lacks",
}
RAW_FORMS = (("catalogue", "frames"),)  # spectra may be given or not


class Options(Settings):
    """How objects are cut out of the frames, and what of the catalogue is kept."""

    label: str = Setting("redshift", description="catalogue column to predict, e.g. redshift or psfMag_r")
    size: int = Setting(32, ge=4, le=512, description="pixels (0.396 arcsec) along a side of the cutouts")
    centring: Literal["nearest", "resampled"] = Setting(
        "nearest",
        description="nearest: whole pixels, values untouched, the object within half a pixel of the middle, the bands "
        "up to a pixel apart; resampled: shifted by the rest of a pixel with a cubic spline, the object on the middle "
        "in every band, flux conserved, noise correlated",
    )
    scalars: tuple[str, ...] | None = Setting(
        None,
        description="catalogue columns to keep; by default position, magnitudes, extinction and redshift, and "
        "dereddened magnitudes and colours made of them, e.g. cModelMag_dered_r and g-r",
    )


def label_name(options: Options) -> str:
    """Return the label's name in the dataset: that of its column, or ``redshift`` whatever a redshift is called."""
    return "redshift" if is_redshift(options.label) else options.label


def ingest(
    raw: Mapping[str, Path], out: Path, rejected: Path, options: Options, *, mock: bool, threads: int = 1
) -> None:
    """Cut every catalogued object out of its field's frames: (N, size, size, 5) float32 [nanomaggy], bands u g r i z.

    The middle of a cutout is at ((size - 1) / 2, (size - 1) / 2); each band is cut by its own WCS. Pixels beyond the
    frame are 0, the level of the subtracted sky, and their fraction stands in the scalar ``padded_fraction``.

    Args:
        raw: ``catalogue``, ``frames`` and perhaps ``spectra``, see ``RAW``.
        out: Dataset to write.
        rejected: CSV file to write: one line for every row of the catalogue that is not in the dataset. Rows of an
            object that stands in several are averaged (by inverse variance where the catalogue has errors of the
            label); all but the first are listed as ``merged``.
        options: See :class:`Options`.
        mock: Whether the frames are simulated.
        threads: Number of processes that cut fields; the dataset is the same for any number.

    Raises:
        RawError: The catalogue cannot be read or lacks a column, or there is no folder of frames.
        DatasetError: Every row was rejected.
    """
    catalogue, folder = Path(raw["catalogue"]), Path(raw["frames"])
    if not folder.is_dir():
        raise RawError(f"{folder}: no such folder. Hint: it holds the frames, at any depth")
    columns, ids, objects, rejections, spectra = read_objects(raw, options)
    fields = _group_by_field(objects, find_frames(folder))
    results = _with_progress(cut_fields(fields, options.size, options.centring, threads), len(fields))
    with atomic_write(out) as beside:
        digests: dict[str, str] = {}
        places: list[int] = []
        with create(beside, _schema(columns, options, mock, spectra)) as writer:
            for cutouts in _batches(results):
                places += _append(writer, cutouts, objects, label_name(options))
                digests |= cutouts.digests
                rejections += _rejections(cutouts, ids)
            _check_all_rows(catalogue, len(ids), objects.rows[np.array(places, dtype=int)], rejections)
            write_rejected(rejected, rejections)
            if not len(writer):
                raise DatasetError(f"{out}: no object was accepted. Hint: the reasons stand in {Path(rejected).name}")
        with hdf5.write(beside, "r+") as file:  # known only now, since each frame is opened once
            made_of = {catalogue.name: file_digest(catalogue), "frames/": _digest(digests)}
            if spectra is not None:
                made_of["spectra/"] = _digest(spectra.digests)
            file.attrs["raw"] = json.dumps(made_of)
            file.attrs["merged_objects"] = int(objects.merged[places].sum())
            file.attrs["objects_with_objid_of_another_field"] = int(objects.field_disagrees[places].sum())


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
    columns, table = read_catalogue(catalogue, options.label, options.scalars, spectra=spectra is not None)
    labels = None if spectra is None else labels_of(columns, table, spectra)
    return columns, table.ids, *select(columns, table, labels), spectra


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


def _with_progress(results: Iterable[Cutouts], total: int) -> Iterable[Cutouts]:
    from tqdm import tqdm

    return tqdm(results, total=total, desc="cutting fields", unit="field", delay=3)


def _batches(results: Iterable[Cutouts]) -> Iterator[Cutouts]:
    """Join fields until there is a chunk's worth of objects: appending one by one would compress chunks again."""
    waiting: list[Cutouts] = []
    for cutouts in results:
        waiting.append(cutouts)
        if sum(len(item.rows) for item in waiting) >= CHUNK_OBJECTS:
            yield _join(waiting)
            waiting = []
    if waiting:
        yield _join(waiting)


def _join(items: list[Cutouts]) -> Cutouts:
    return Cutouts(
        np.concatenate([item.rows for item in items]),
        np.concatenate([item.images for item in items]),
        np.concatenate([item.padded for item in items]),
        {row: reason for item in items for row, reason in item.rejected.items()},
        {name: digest for item in items for name, digest in item.digests.items()},
    )


def _append(writer: Writer, cutouts: Cutouts, objects: Objects, label: str) -> list[int]:
    """Append the cutouts; return which objects they are of."""
    if not len(cutouts.rows):
        return []
    places = np.searchsorted(objects.rows, cutouts.rows)
    scalars = {name: values[places] for name, values in objects.scalars.items()}
    writer.append(
        image=cutouts.images,
        id=[objects.ids[place] for place in places],
        group=[f"{objects.run[place]}-{objects.camcol[place]}-{objects.field[place]}" for place in places],
        labels={label: objects.label[places]},
        scalars=scalars | {"padded_fraction": cutouts.padded},
    )
    return places.tolist()


def _check_all_rows(catalogue: Path, rows: int, accepted: np.ndarray, rejections: Sequence[Rejection]) -> None:
    """Make sure that every row of the catalogue is in the dataset or among the rejections, and in one of them only."""
    seen = np.bincount([*accepted, *(rejection.row for rejection in rejections)], minlength=rows)
    if (seen != 1).any():
        row = int(np.flatnonzero(seen != 1)[0])
        raise DatasetError(
            f"{catalogue}: row {row} is {seen[row]} times in the dataset or among the rejected rows, expected once."
            " Please report this: it is a fault of skybake"
        )


def _rejections(cutouts: Cutouts, ids: np.ndarray) -> list[Rejection]:
    return [Rejection(row, ids[row], reason, detail) for row, (reason, detail) in cutouts.rejected.items()]


def _schema(columns: Columns, options: Options, mock: bool, spectra: Spectra | None) -> Schema:
    label = label_name(options)
    scalars = {name: Column(_units(name), f"catalogue column {column}") for name, column in columns.scalars.items()}
    scalars |= {name: Column("mag", item.description) for name, item in columns.derived.items()}
    scalars["padded_fraction"] = Column("", "fraction of the pixels that lie beyond the frame, and are 0")
    notes: dict[str, str | float] = {"centring": options.centring}
    sources = [f"catalogue column {columns.label}"] if columns.label else []
    if spectra is not None:
        sources.append("Z of the object's spectrum")
        notes |= {"spectra": len(spectra.whole), "unreadable_spectra": len(spectra.unreadable)}
    return Schema(
        survey="sdss",
        task=TASK,
        bands=BANDS,
        image=Column("nanomaggy", "sky-subtracted flux per pixel of 0.396 arcsec; magnitude 22.5 - 2.5 log10"),
        labels={label: Column(_units(label), " or else ".join(sources))},
        scalars=scalars,
        raw={},
        mock=mock,
        notes=notes,
    )


def _units(name: str) -> str:
    lower = name.lower()
    if lower in ("ra", "dec"):
        return "deg"
    if "flux" in lower:
        return "nanomaggy"
    return "mag" if "mag" in lower or lower.startswith(("dered", "extinction")) or lower in BANDS else ""


def _digest(digests: Mapping[str, str]) -> str:
    """Return one SHA-256 for all frames: of their names and digests, a line each, sorted."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
