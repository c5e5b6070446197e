"""Asks the SkyServer of SDSS for a catalogue, with astroquery (https://astroquery.readthedocs.io/en/latest/sdss)."""

from __future__ import annotations

import re
from pathlib import Path

from skybake.files import atomic_write

_SECONDS = 600  # the server gives up on a query by then
_MYDB = re.compile(r"^\s*INTO\s+mydb\.\S+\s*$", re.IGNORECASE | re.MULTILINE)


class QueryError(RuntimeError):
    """The server cannot be asked, or has no answer."""


def ask(query: Path, out: Path, *, address: str, release: int) -> None:
    """Write the answer to a query as CSV, object numbers in full.

    Args:
        query: File of SQL; a line ``INTO mydb...``, which CasJobs needs, is left out.
        out: The catalogue.
        address: The server, above ``/dr17``.
        release: The data release.

    Raises:
        QueryError: The server cannot be reached or refuses; or no object is in the answer.
        FileNotFoundError: There is no such file of SQL.
    """
    text = _MYDB.sub("", query.read_text(encoding="utf-8"))
    import requests
    from astropy.io.ascii import InconsistentTableError
    from astroquery.exceptions import RemoteServiceError
    from astroquery.exceptions import TimeoutError as NoAnswerError
    from astroquery.sdss import SDSSClass, conf

    with conf.set_temp("skyserver_baseurl", address.rstrip("/")):
        try:
            table = SDSSClass().query_sql(text, data_release=release, timeout=_SECONDS, cache=False)
        except (requests.RequestException, RemoteServiceError, NoAnswerError, InconsistentTableError) as error:
            raise QueryError(f"the query failed ({type(error).__name__}: {str(error)[:300]})") from error
    if table is None:
        raise QueryError("no object is in the answer")
    with atomic_write(out) as beside:
        table.write(beside, format="ascii.csv", overwrite=True)
