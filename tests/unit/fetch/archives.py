"""What tests of fetching share."""

from skybake.fetch import Fetch
from skybake.fetch.wanted import Wanted


def settings(archive, **changes):
    quick = {"delay": 0, "backoff": 0.01, "read_timeout": 0.4, "connect_timeout": 2, "attempt_timeout": 1.0}
    return Fetch(base_url=archive.url, **{**quick, **changes})


def wanted(archive, *paths):
    return [Wanted(path, f"{archive.url}/{path}") for path in paths]


def names(number):
    return [f"301/4510/4/frame-r-004510-4-{field:04d}.fits.bz2" for field in range(number)]
