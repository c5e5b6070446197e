"""eFEDS: X-ray cubes of galaxy clusters and their masses (Krippendorf et al. 2023, A&A 682, A132, arXiv:2305.00016).

Raw files:

- ``images``: a pickle ``{"cluster": ids, "gsm_3dImgs": cubes}``, as it is or in gzip, bz2 or xz. The cubes are one
  array (N, H, W, C) or a list of N arrays (H, W, C); in the release 50 x 50 pixels of 24" in ten energy bands over
  0.25-2.3 keV, Gaussian-smoothed, so that pixels are expected to be real numbers, not whole counts. The release gives
  no band edges: ten bands of equal width are named here. Other numbers of bands are called ``band 1``, ``band 2``, ...
- ``catalogue``: a feather table with one row per cluster. Its mass and redshift columns have one of three names (see
  :data:`COLUMNS`).

*Order.* The dataset's rows are the catalogue's rows in their order, rejected ones left out, so that a split by row
number (seed 40) picks the clusters that the published one picked.

*Matching.* Rows and cubes are matched by cluster id where both have one, by position otherwise. The catalogue has one
if it has a column ``cluster``, or a column of :data:`ID_COLUMNS` that holds over half of the cubes' ids; cubes that are
simply numbered 0, 1, 2, ... or 1, 2, 3, ... have one only if such a column holds them all. Where the ids agree row by
row, their repeating does no harm; elsewhere a repeated id is ambiguous and its rows are rejected. By position, both
must be equally many.

*Ids.* The same halo can recur in several realisations of the footprint. The second and later objects of the same id
are called ``<id>#2``, ``<id>#3``, ... in catalogue order; one whose cube is the same to the bit is rejected as a
duplicate.

*Counting.* Accepted + rejected = rows of the catalogue. Cubes without a row are no rows: their number is logged and
kept in the dataset's attribute ``images_without_row``.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from skybake.dataset import CHUNK_OBJECTS, Column, Rejection, Schema, Writer, create, file_digest, write_rejected
from skybake.raw import RawError
from skybake.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

TASK = "regression"
INPUTS = ("redshift",)
LABEL = "log10_mass"
RAW = {
    "images": "pickle {'cluster', 'gsm_3dImgs'} of cubes (N, H, W, C); also gzip, bz2, xz",
    "catalogue": "feather table of masses and redshifts, one row per cluster",
}

COLUMNS = {"sim": ("M500c", "z"), "obs": ("m500_wl_final", "z_final"), "halo": ("HALO_M500c", "redshift_R")}
"""Names of the mass [Msun] and redshift columns: simulations, real clusters, halo catalogue."""
ID_COLUMNS = ("cluster", "cluster_id", "ID_SRC_OUT", "ID_SRC", "SRC_ID_IN", "input_SRC_ID")
GROUP_COLUMNS = ("SRC_ID_IN", "input_SRC_ID", "HALO_halo_id", "HALO_id", "halo_id")
"""Ids of the halo, which recur where the same halo does. (``pid`` is not one: it is the halo's parent.)"""
BAND_EDGES = tuple(round(0.25 + 0.205 * i, 3) for i in range(11))
"""Edges of the ten energy bands [keV]."""
PLAUSIBLE = (10.0, 17.0)  # log10 Msun


class Options(Settings):
    """How to read the eFEDS files."""

    columns: Literal["auto", "sim", "obs", "halo"] = Field(
        "auto", description="Names of the catalogue's mass and redshift columns; auto takes the ones that are there."
    )
    mass_column: str = Field("", description="Another name of the mass column; empty: as `columns` says.")
    redshift_column: str = Field("", description="Another name of the redshift column; empty: as `columns` says.")
    mass_unit: float = Field(1.0, gt=0, description="Solar masses per unit of the mass column, e.g. 1.0e14.")
    mass_is_log10: bool = Field(False, description="The mass column holds log10 of the mass in solar masses.")
    match: Literal["auto", "id", "position"] = Field(
        "auto", description="How catalogue rows and images find each other; auto: by id where both have one."
    )
    id_column: str = Field("", description="Catalogue column with the images' cluster ids; empty: found by its name.")
    group_column: str = Field(
        "", description="Catalogue column of what must stay on one side of a split; empty: the halo's id, if any."
    )
    scalars: tuple[str, ...] = Field((), description="Further numeric catalogue columns to keep, e.g. [kT].")


@dataclass(frozen=True)
class Cubes:
    """The images as the pickle has them.

    Attributes:
        path: The file.
        images: N arrays.
        ids: N cluster ids, or None.
        shape: (H, W, C) of most of them.
    """

    path: Path
    images: Sequence[np.ndarray]
    ids: list[str] | None
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Catalogue:
    """What is used of the catalogue.

    Attributes:
        path: The file.
        columns: Which of :data:`COLUMNS`, or the names given in the options.
        log10_mass: (N,) [log10 Msun]; NaN or infinite where the mass is missing or not positive.
        mass: (N,) as the catalogue has it.
        scalars: Name -> (N,); with redshift.
        ids: N cluster ids, or None.
        id_column: Where ``ids`` come from.
        groups: N halo ids (None where missing), or None.
    """

    path: Path
    columns: str
    log10_mass: np.ndarray
    mass: np.ndarray
    scalars: dict[str, np.ndarray]
    ids: list[str] | None
    id_column: str
    groups: list[str | None] | None

    def __len__(self) -> int:
        return len(self.mass)


@dataclass(frozen=True)
class Match:
    """Which image belongs to which row.

    Attributes:
        image: (rows,) number of the image, -1 where there is none.
        ids: One id per row; they can repeat.
        how: In words.
        reasons: Row -> (reason, detail) where there is no image.
        unused: Number of images without a row.
    """

    image: np.ndarray
    ids: list[str]
    how: str
    reasons: dict[int, tuple[str, str]]
    unused: int


def ingest(
    raw: Mapping[str, Path], out: Path, rejected: Path, options: Options, *, mock: bool, threads: int = 1
) -> None:
    """Write the dataset of the clusters, and what was left out.

    Args:
        raw: Paths of :data:`RAW`.
        out: The dataset to write: image (N, H, W, C) [counts, smoothed], label ``log10_mass`` [log10 Msun], scalar
            ``redshift``.
        rejected: The CSV of rejected rows to write.
        options: How to read.
        mock: Whether the files are simulated.
        threads: Not used: reading is bound by memory.

    Raises:
        RawError: The files cannot be read or do not belong together.
        DatasetError: No row was accepted; ``rejected`` is written all the same.
    """
    cubes = read_images(Path(raw["images"]))
    catalogue = read_catalogue(Path(raw["catalogue"]), options, cubes.ids)
    match = _match(cubes, catalogue, options)
    reasons = _rejections(cubes, catalogue, match)
    schema = Schema(
        survey="efeds",
        task=TASK,
        bands=_bands(cubes.shape[-1]),
        image=Column("counts", "X-ray counts per pixel and energy band, Gaussian-smoothed"),
        labels={LABEL: Column("log10(Msun)", "log10 of the mass M500c")},
        scalars={
            name: Column("", "redshift" if name == "redshift" else f"column {name} of the catalogue")
            for name in catalogue.scalars
        },
        raw={Path(raw[key]).name: file_digest(raw[key]) for key in RAW},
        mock=mock,
        notes={"columns": catalogue.columns, "matched_by": match.how, "images_without_row": match.unused},
    )
    with create(out, schema) as writer:
        _write(writer, cubes, catalogue, match, reasons)
        write_rejected(rejected, [Rejection(row, match.ids[row], *reasons[row]) for row in sorted(reasons)])


# --- images ----------------------------------------------------------------------------------------------------------


def read_images(path: Path) -> Cubes:
    """Read the pickle of cubes; nothing in it is run.

    Raises:
        UnsafePickle: It holds more than plain data.
        RawError: It is no pickle, a key is missing, or its arrays do not fit.
    """
    from skybake.raw import plain

    content = plain.load(path)
    if not isinstance(content, dict):
        raise RawError(f"{path}: expected a dict with 'cluster' and 'gsm_3dImgs', found {type(content).__name__}")
    content = {_name(key): value for key, value in content.items()}
    if "gsm_3dImgs" not in content:
        raise RawError(f"{path}: expected the key 'gsm_3dImgs', found {sorted(map(str, content))}")
    images = _as_images(path, content["gsm_3dImgs"])
    ids = content.get("cluster")
    if ids is None:
        return Cubes(path, images, None, _common_shape(path, images))
    if not isinstance(ids, list | tuple | np.ndarray) or np.ndim(ids) != 1:
        raise RawError(f"{path}: 'cluster' should be a list of ids, found {type(ids).__name__}")
    if len(ids) != len(images):
        raise RawError(f"{path}: 'cluster' has {len(ids)} ids, 'gsm_3dImgs' has {len(images)} images")
    return Cubes(path, images, [str(_name(value)) for value in ids], _common_shape(path, images))


def _as_images(path: Path, images: object) -> Sequence[np.ndarray]:
    if isinstance(images, np.ndarray) and images.dtype.kind in "buif":
        return images
    if isinstance(images, list | tuple) or (isinstance(images, np.ndarray) and images.dtype.kind == "O"):
        return [image if isinstance(image, np.ndarray) else _array(image) for image in images]
    found = f"an array of {images.dtype}" if isinstance(images, np.ndarray) else type(images).__name__
    raise RawError(f"{path}: 'gsm_3dImgs' should be an array (N, H, W, C) of numbers or a list of them, found {found}")


def _array(image: object) -> np.ndarray:
    try:
        return np.asarray(image, dtype=np.float32)
    except (TypeError, ValueError):  # ragged, or no numbers: rejected later by its shape
        return np.empty(0, np.float32)


def _common_shape(path: Path, images: Sequence[np.ndarray]) -> tuple[int, int, int]:
    if len(images) == 0:
        raise RawError(f"{path}: 'gsm_3dImgs' holds no image")
    if isinstance(images, np.ndarray):
        shape = images.shape[1:]
    else:
        shape = Counter(image.shape for image in images).most_common(1)[0][0]
    if len(shape) != 3 or not all(shape):
        raise RawError(
            f"{path}: expected images of shape (N, H, W, C), found ({', '.join(map(str, (len(images), *shape)))}). "
            "Hint: one band still needs its axis, as (N, H, W, 1)"
        )
    return shape


def _bands(number: int) -> list[str]:
    if number == len(BAND_EDGES) - 1:
        return [f"{low:g}-{high:g} keV" for low, high in pairwise(BAND_EDGES)]
    return [f"band {i}" for i in range(1, number + 1)]


# --- catalogue -------------------------------------------------------------------------------------------------------


def read_catalogue(path: Path, options: Options, image_ids: Sequence[str] | None = None) -> Catalogue:
    """Read the feather catalogue.

    Args:
        path: The file.
        options: Which columns to read.
        image_ids: Ids of the images, to find the column that has them.

    Raises:
        RawError: It is no feather file, a column is missing, is ambiguous or has no numbers, or the masses cannot be
            in the unit the options say.
    """
    table = _read_table(path)
    columns, mass_column, redshift_column = _mass_and_redshift(path, table.column_names, options)
    for name in (options.id_column, options.group_column, *options.scalars):
        if name and name not in table.column_names:
            raise RawError(f"{path}: no column {name!r}; found {table.column_names}")
    mass = _numbers(path, table, mass_column)
    scalars = {"redshift": _numbers(path, table, redshift_column)}
    scalars |= {name: _numbers(path, table, name) for name in options.scalars if name not in scalars}
    id_column = _id_column(path, table, options, image_ids)
    group_column = options.group_column or next((name for name in GROUP_COLUMNS if name in table.column_names), "")
    return Catalogue(
        path=path,
        columns=columns,
        log10_mass=_log10_mass(path, mass, mass_column, options),
        mass=mass,
        scalars=scalars,
        ids=[str(name) for name in _names(table, id_column)] if id_column else None,
        id_column=id_column,
        groups=_names(table, group_column) if group_column else None,
    )


def _read_table(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import feather

    try:
        table = feather.read_table(path, memory_map=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise RawError(
            f"{path}: not a readable feather file ({reason}). Hint: DataFrame.to_feather writes one"
        ) from None
    if not len(table):
        raise RawError(f"{path}: the catalogue has no rows")
    return table


def _mass_and_redshift(path: Path, names: Sequence[str], options: Options) -> tuple[str, str, str]:
    if options.mass_column and options.redshift_column:
        columns, mass, redshift = "named in the config", options.mass_column, options.redshift_column
    else:
        columns = _column_set(path, names, options)
        mass, redshift = (
            given or usual
            for given, usual in zip((options.mass_column, options.redshift_column), COLUMNS[columns], strict=True)
        )
    for name in (mass, redshift):
        if name not in names:
            raise RawError(f"{path}: no column {name!r}; found {list(names)}")
    return columns, mass, redshift


def _column_set(path: Path, names: Sequence[str], options: Options) -> str:
    if options.columns != "auto":
        return options.columns
    given = (options.mass_column, options.redshift_column)
    present = [
        columns
        for columns, pair in COLUMNS.items()
        if all(own or usual in names for own, usual in zip(given, pair, strict=True))
    ]
    if len(present) != 1:
        expected = ", ".join(f"{columns}: {mass} and {redshift}" for columns, (mass, redshift) in COLUMNS.items())
        found = f"those of {' and '.join(present)}" if present else f"{list(names)}"
        raise RawError(f"{path}: expected the columns of one of ({expected}), found {found}. Hint: set `columns`")
    return present[0]


def _numbers(path: Path, table: pa.Table, name: str) -> np.ndarray:
    import pyarrow as pa

    kind = table[name].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise RawError(f"{path}: column {name!r} should hold numbers, found {kind}")
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)


def _names(table: pa.Table, name: str) -> list[str | None]:
    return [None if value is None or value != value else str(_name(value)) for value in table[name].to_pylist()]


def _name(value: object) -> object:
    """Return an id in the form in which ids are compared: 12, 12.0, b"12" and "12" are the same."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value.strip() if isinstance(value, str) else str(value)


def _id_column(path: Path, table: pa.Table, options: Options, image_ids: Sequence[str] | None) -> str:
    """Return the column with the images' ids; without such, a column that names the rows, or none."""
    if options.id_column:
        return options.id_column
    present = [name for name in ID_COLUMNS if name in table.column_names]
    if image_ids is None or options.match == "position":
        return present[0] if present else ""
    if "cluster" in present:
        return "cluster"
    wanted = set(image_ids)
    for name in present:
        shared = wanted.intersection(_names(table, name))
        if shared == wanted or (2 * len(shared) > len(wanted) and not _only_numbered(image_ids)):
            return name
    if options.match == "id":
        raise RawError(f"{path}: none of {list(ID_COLUMNS)} holds the images' ids. Hint: set `id_column`")
    return ""


def _only_numbered(ids: Sequence[str]) -> bool:
    return any(list(ids) == [str(first + i) for i in range(len(ids))] for first in (0, 1))


def _log10_mass(path: Path, mass: np.ndarray, name: str, options: Options) -> np.ndarray:
    if options.mass_is_log10:
        log10_mass = np.where(mass > 0, mass, np.nan)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            log10_mass = np.log10(mass * options.mass_unit)
    usable = log10_mass[np.isfinite(log10_mass)]
    low, high = PLAUSIBLE
    if len(usable) and not low <= np.median(usable) <= high:
        raise RawError(
            f"{path}: column {name!r} has a median of {np.median(mass[np.isfinite(log10_mass)]):g}, which would be "
            f"log10 M = {np.median(usable):.2f}; expected {low:g} to {high:g}. Hint: set `mass_unit` or `mass_is_log10`"
        )
    return log10_mass


# --- matching --------------------------------------------------------------------------------------------------------


def _match(cubes: Cubes, catalogue: Catalogue, options: Options) -> Match:
    by_id = options.match != "position" and cubes.ids is not None and catalogue.ids is not None
    if options.match == "id" and not by_id:
        raise RawError(f"{cubes.path}: no 'cluster' ids to match by. Hint: set `match: position`")
    if by_id and cubes.ids != catalogue.ids:
        return _match_by_id(cubes, catalogue)
    if len(cubes.images) != len(catalogue):
        raise RawError(
            f"{cubes.path} has {len(cubes.images)} images, {catalogue.path} has {len(catalogue)} rows, and there are "
            "no cluster ids in both to match them by. Hint: are these files of the same release? Or set `id_column`"
        )
    ids = cubes.ids or catalogue.ids or [str(row) for row in range(len(catalogue))]
    how = f"id ({catalogue.id_column})" if by_id else "position"
    return Match(np.arange(len(catalogue)), ids, how, {}, 0)


def _match_by_id(cubes: Cubes, catalogue: Catalogue) -> Match:
    images, rows = Counter(cubes.ids), Counter(catalogue.ids)
    if not images.keys() & rows.keys():
        raise RawError(
            f"no id of {catalogue.path}, column {catalogue.id_column!r} (first: {catalogue.ids[0]!r}), is among the "
            f"ids of {cubes.path} (first: {cubes.ids[0]!r}). Hint: set `id_column`, or `match: position`"
        )
    number = {name: i for i, name in enumerate(cubes.ids)}
    image = np.full(len(catalogue), -1)
    reasons = {}
    for row, name in enumerate(catalogue.ids):
        if name not in images:
            reasons[row] = ("no image", f"no image has the id {name}")
        elif images[name] > 1 or rows[name] > 1:
            reasons[row] = ("id repeats", f"{rows[name]} rows and {images[name]} images have it")
        else:
            image[row] = number[name]
    unused = [name for name in cubes.ids if name not in rows]
    if unused:
        log.warning("%s: %d images have no row, first: %s", cubes.path, len(unused), unused[0])
    return Match(image, catalogue.ids, f"id ({catalogue.id_column})", reasons, len(unused))


# --- rejecting and writing -------------------------------------------------------------------------------------------


def _rejections(cubes: Cubes, catalogue: Catalogue, match: Match) -> dict[int, tuple[str, str]]:
    reasons = dict(match.reasons)
    for row, reason, detail in (
        *_unusable_masses(catalogue),
        *_unusable_scalars(catalogue),
        *_unusable_images(cubes, match),
    ):
        reasons.setdefault(row, (reason, detail))
    return reasons


def _unusable_masses(catalogue: Catalogue) -> Iterator[tuple[int, str, str]]:
    for row in np.flatnonzero(~np.isfinite(catalogue.log10_mass)):
        mass = catalogue.mass[row]
        if np.isnan(mass):
            yield int(row), "mass missing", "NaN"
        else:
            yield int(row), "mass not positive" if mass <= 0 else "mass not finite", f"{mass:g}"


def _unusable_scalars(catalogue: Catalogue) -> Iterator[tuple[int, str, str]]:
    for name, values in catalogue.scalars.items():
        for row in np.flatnonzero(~np.isfinite(values)):
            yield int(row), f"{name} missing", f"{values[row]:g}"
    redshift = catalogue.scalars["redshift"]
    for row in np.flatnonzero(redshift < 0):
        yield int(row), "redshift negative", f"{redshift[row]:g}"


def _unusable_images(cubes: Cubes, match: Match) -> Iterator[tuple[int, str, str]]:
    repeated = {name for name, times in Counter(match.ids).items() if times > 1}
    seen = set()
    for row, number in enumerate(match.image):
        if number < 0:
            continue
        image = cubes.images[number]
        if image.shape != cubes.shape or image.dtype.kind not in "buif":
            yield row, "image shape", f"{image.shape} of {image.dtype}, the others have {cubes.shape}"
        elif match.ids[row] in repeated:
            key = (match.ids[row], hashlib.sha256(np.ascontiguousarray(image)).digest())
            if key in seen:
                yield row, "duplicate", "same id and same image as an earlier row"
            seen.add(key)


def _write(
    writer: Writer, cubes: Cubes, catalogue: Catalogue, match: Match, reasons: dict[int, tuple[str, str]]
) -> None:
    """Append the usable rows; those whose pixels turn out not to be finite are added to ``reasons``."""
    from tqdm import tqdm

    names = _unique(match.ids)
    groups = [halo or own for halo, own in zip(catalogue.groups or match.ids, match.ids, strict=True)]
    wanted = np.array([row for row in range(len(catalogue)) if row not in reasons], dtype=int)
    for first in tqdm(range(0, len(wanted), CHUNK_OBJECTS), desc="ingest efeds", unit="chunk", delay=3):
        rows = wanted[first : first + CHUNK_OBJECTS]
        with np.errstate(over="ignore"):  # becomes infinite, and is rejected below
            images = np.stack([cubes.images[number] for number in match.image[rows]]).astype(np.float32)
        bad = np.count_nonzero(~np.isfinite(images), axis=(1, 2, 3))
        reasons |= {int(row): ("image not finite", f"{n} pixels") for row, n in zip(rows, bad, strict=True) if n}
        rows, images = rows[bad == 0], images[bad == 0]
        if not len(rows):
            continue
        writer.append(
            image=images,
            id=[names[row] for row in rows],
            group=[groups[row] for row in rows],
            labels={LABEL: catalogue.log10_mass[rows]},
            scalars={name: values[rows] for name, values in catalogue.scalars.items()},
        )


def _unique(ids: Sequence[str]) -> list[str]:
    taken, times, names = set(ids), Counter(), []
    for name in ids:
        times[name] += 1
        unique = name
        while times[name] > 1 and unique in taken:
            unique = f"{name}#{times[name]}"
            times[name] += unique in taken
        taken.add(unique)
        names.append(unique)
    return names
