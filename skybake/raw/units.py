"""Units of columns that stand in the file of a table itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skybake.raw import RawError, formats

_KEYS = ("unit", "units")  # of attributes and metadata, where no standard names them


def units_of(path: Path, table: str = "") -> dict[str, str]:
    """Return column -> its units as the file writes them, of those columns that have any.

    They are TUNIT of FITS, the units of ECSV and VOTable, those that astropy writes into parquet, and metadata or
    attributes ``unit`` or ``units`` of a column of parquet, feather and HDF5. Text tables have none.

    Args:
        path: A file that :func:`skybake.raw.tables.source` reads.
        table: As of that function.
    """
    kind = formats.kind_of(path)
    if kind == formats.FITS or {suffix.lower() for suffix in path.suffixes[-2:]} & {".fits", ".fit", ".fts"}:
        found = _of_fits(path, table)
    elif kind == formats.HDF5:
        found = _of_hdf5(path, table)
    elif kind in (formats.PARQUET, formats.FEATHER):
        found = _of_arrow(path, kind)
    elif kind in (formats.ECSV, formats.VOTABLE):
        found = _of_astropy(path, kind)
    else:
        found = {}
    return {name.strip(): str(unit).strip() for name, unit in found.items() if unit is not None and str(unit).strip()}


def agree(one: str, other: str) -> bool | None:
    """Tell whether two texts mean the same units; None where one of them is none that astropy knows."""
    from astropy import units

    if one == other:
        return True
    parsed = [units.Unit(text, parse_strict="silent") for text in (one, other)]
    if any(isinstance(unit, units.UnrecognizedUnit) for unit in parsed):
        return None
    return bool(parsed[0] == parsed[1])


def checked(path: Path, name: str, given: str, found: str) -> tuple[str, str]:
    """Return the units of a column, and a doubt or nothing.

    Args:
        path: The table.
        name: Of the column.
        given: Its units by the config; empty if it says none.
        found: By the file; empty if it says none.

    Raises:
        RawError: They differ.
    """
    same = agree(given, found) if given and found else True
    if same is False:
        raise RawError(
            f"{path}: column {name} is in {found} by the file, and in {given} by the config,"
            f" options: {{units: {{{name}: {given}}}}}. Hint: leave the option out, or correct the one that is wrong"
        )
    doubt = f"{path.name}: units of {name} are {given} by the config, and {found!r} by the file"
    return given or found, "" if same else doubt


def _of_fits(path: Path, table: str) -> dict[str, Any]:
    from astropy.io import fits

    from skybake.raw.fits_tables import choose_table

    with fits.open(path) as file:
        return {column.name: column.unit for column in choose_table(path, file, table).columns}


def _of_astropy(path: Path, kind: str) -> dict[str, Any]:
    from astropy.table import Table

    found = Table.read(path, format="ascii.ecsv" if kind == formats.ECSV else "votable")
    return {name: found[name].unit for name in found.colnames}


def _of_arrow(path: Path, kind: str) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from astropy.table import meta

    schema = pq.read_schema(path) if kind == formats.PARQUET else pa.ipc.open_file(path).schema
    text = (schema.metadata or {}).get(b"table_meta_yaml", b"").decode()
    columns = meta.get_header_from_yaml(text.split("\n"))["datatype"] if text else []
    found = {item["name"]: item.get("unit") for item in columns}
    for field in schema:
        for key in _KEYS:
            if key.encode() in (field.metadata or {}):
                found[field.name] = field.metadata[key.encode()].decode()
    return found


def _of_hdf5(path: Path, table: str) -> dict[str, Any]:
    import h5py

    from skybake import hdf5

    found: dict[str, Any] = {}
    under = table.strip("/")

    def see(name: str, item: Any) -> None:
        if (
            isinstance(item, h5py.Dataset)
            and item.dtype.names is None
            and name.startswith(f"{under}/" if under else "")
        ):
            unit = next((item.attrs[key] for key in _KEYS if key in item.attrs), None)
            found[name.removeprefix(f"{under}/")] = unit.decode() if isinstance(unit, bytes) else unit

    with hdf5.read(path) as file:
        file.visititems(see)
    return found
