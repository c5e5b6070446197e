"""Survey ``frames``: cutouts by sky position, from any set of FITS images with a WCS and a catalogue with ra and dec.

Raw files: a folder of images, at any depth, and a table with ``ra`` and ``dec`` of each object. Images may be packed
(.gz, .bz2) or tile-compressed (.fz), in any HDU, with any WCS that astropy knows: TAN, SIN, with the distortions of SIP
or PV. The option ``pattern`` says how files are called: ``{tile}`` tells places of the sky apart, ``{band}`` the bands
of one. An object that lies on several tiles is cut out of that whose centre is nearest. The dataset is ordered by tile,
and within one as the catalogue is; a tile is a group, unless the option ``group`` names a column.

Cutting is that of ``sdss`` (:mod:`skybake.raw.cutting`): pixels beyond the frame, and missing ones, are 0, and their
fraction stands in the scalar ``padded_fraction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from skybake.data.columns import Column, Schema
from skybake.data.rejections import Rejection
from skybake.raw import Batch, RawError, Reading
from skybake.raw.batches import label_columns, labels_of, rejections_of
from skybake.raw.catalogue import Catalogue, Objects, describe
from skybake.raw.cutting import Cutouts
from skybake.raw.frames.options import Options
from skybake.raw.frames.tiles import Tile, assign, cut_tiles, find_tiles
from skybake.raw.masked import check_marks
from skybake.raw.named import check_file

TASK = "regression"  # unless the options say otherwise
INPUTS = ()
RAW = {
    "catalogue": "table with ra and dec of each object: CSV, FITS, ECSV, VOTable, parquet, feather or columns of HDF5",
    "frames": "folder of FITS images with a WCS, at any depth; also .gz, .bz2 and tile-compressed",
}


def label_name(options: Options) -> str:
    """Return the label's name in the dataset."""
    return options.name


def task_name(options: Options) -> str:
    """Return ``"classification"`` where the options say so or name classes."""
    return "classification" if options.classifies else TASK


def check(raw: Mapping[str, Path], options: Options) -> list[str]:
    """Return the names of the scalars, of the catalogue and of cutouts.

    Raises:
        RawError: The catalogue is no table, or lacks a column that the options name.
    """
    return [*check_file(Path(raw["catalogue"]), options), "padded_fraction"]


def read(raw: Mapping[str, Path], options: Options, threads: int) -> Reading:
    """Cut every object out of the tile that it lies on: (N, size, size, bands) in the units of the frames.

    The middle of a cutout is at ((size - 1) / 2, (size - 1) / 2); each band is cut by its own WCS.

    Raises:
        RawError: The catalogue cannot be read or lacks a column, or no image follows the pattern.
    """
    folder = Path(raw["frames"])
    if not folder.is_dir():
        raise RawError(f"{folder}: no such folder. Hint: it holds the frames, at any depth")
    catalogue = Catalogue(Path(raw["catalogue"]), options.table, missing_values=options.missing_values)
    objects = describe(catalogue, options)
    tiles = _tiles(folder, catalogue, objects, options)
    return Reading(
        _schema(objects, options),
        rows=len(objects.ids),
        batches=_batches(tiles, objects, options, threads),
        rejections=rejections_of(objects),
        warnings=catalogue.warnings,
    )


def _tiles(folder: Path, catalogue: Catalogue, objects: Objects, options: Options) -> list[Tile]:
    missing = [name for name in ("ra", "dec") if name not in objects.scalars]
    if missing:
        lines = ", ".join(f"{name}: ..." for name in missing)
        raise RawError(
            f"{catalogue.path}: no {' and '.join(missing)} in degrees; found {', '.join(catalogue.names)}. Hint: say"
            f" which columns they are, options: {{{lines}}}"
        )
    ra, dec = objects.positions()
    for row in np.flatnonzero(~((np.abs(ra) <= 360) & (np.abs(dec) <= 90))).tolist():
        objects.reasons.setdefault(row, ("no position", f"ra {ra[row]:g}, dec {dec[row]:g}"))
    rows = objects.usable
    tiles, reasons = assign(find_tiles(folder, options), rows, ra[rows], dec[rows], options)
    objects.reasons.update(reasons)
    return tiles


def _batches(tiles: Sequence[Tile], objects: Objects, options: Options, threads: int) -> Iterator[Batch]:
    for tile, cutouts in zip(tiles, cut_tiles(tiles, options, threads), strict=True):
        ids = [objects.ids[row] for row in cutouts.rows.tolist()]
        check_marks(cutouts.images, ids, options.missing_pixels, f"tile {tile.name}")
        yield _batch(tile, cutouts, objects, options)


def _batch(tile: Tile, cutouts: Cutouts, objects: Objects, options: Options) -> Batch:
    rows = cutouts.rows
    return Batch(
        rows=rows,
        image=cutouts.images,
        id=[objects.ids[row] for row in rows.tolist()],
        group=[objects.groups[row] if options.group else tile.name for row in rows.tolist()],
        labels=labels_of(objects, options, rows),
        scalars={name: values[rows] for name, values in objects.scalars.items()} | {"padded_fraction": cutouts.padded},
        rejections=[Rejection(row, objects.ids[row], *reason) for row, reason in cutouts.rejected.items()],
        digests={"frames": cutouts.digests},
    )


def _schema(objects: Objects, options: Options) -> Schema:
    return Schema(
        bands=options.bands or ("image",),
        image=Column(options.pixel_units, "pixels of the frames; those beyond or missing in them are 0"),
        labels=label_columns(objects, options),
        label=options.name if objects.further else "",
        scalars={
            **objects.columns,
            "padded_fraction": Column(
                "",
                "fraction of the pixels that are beyond the frame or missing in it, and 0",
                "padded_fraction",
            ),
        },
        notes={"centring": options.centring},
    )
