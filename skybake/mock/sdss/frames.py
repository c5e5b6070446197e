"""The frames of the mock SDSS: five bands of a field drawn, bled, noised and written as the archive's FITS files."""

from __future__ import annotations

import bz2
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from skybake.files import atomic_write
from skybake.mock.sdss.galaxies import BANDS, Galaxies

COLUMNS, ROWS = 2048, 1489
PIXEL = 0.396  # arcsec
RERUN = 301
CENTRE = (1024.0, 744.0)  # zero-based pixel (column, row) of CRPIX, the same in every band
FULL_WELL = 60_000  # counts where a pixel saturates: the converter's 65,535 less bias and sky
KEPT_BITS = 10  # of the 24 in a float32: what FLOATCOMPRESS leaves, and the reason why frames compress
NODE = 95.0
# The point-spread function is a Moffat core in a wide Moffat halo, cut at HALO_REACH; fitted by eye to the profiles of
# the brightest stars in two real fields, out to 60 pixels and 1e-6 of the flux.
CORE_SLOPE, HALO_SLOPE, HALO_SHARE, HALO_WIDTH = 4.0, 1.6, 0.05, 2.9
HALO_REACH = 60  # pixels


@dataclass(frozen=True)
class Band:
    """What the camera does in one band; medians over the real frames where they could be measured.

    Attributes:
        name: u, g, r, i or z.
        noise: Of the empty sky, 1.4826 MAD, nanomaggies per pixel.
        fwhm: Of the point-spread function, arcsec.
        nanomaggies: Per count.
        gain: Electrons per count (camcol 1, SDSS frame data model).
        sky: Mean sky, counts per pixel.
        row: Of the CCD in the camera; the sky passes them in the order 1 to 5.
        shift: By how many pixels (column, row) a star lies from its place in band r.
    """

    name: str
    noise: float
    fwhm: float
    nanomaggies: float
    gain: float
    sky: float
    row: int
    shift: tuple[float, float]

    def variance(self, flux: np.ndarray) -> np.ndarray:
        """Variance of pixels, nanomaggies squared: empty sky, and the photons of sources of ``flux`` nanomaggies."""
        return self.noise**2 + np.maximum(flux, 0) * self.nanomaggies / self.gain


CAMERA = (
    Band("u", 0.043, 1.50, 0.00961, 1.62, 18.6, 3, (3.0, 6.1)),
    Band("g", 0.016, 1.45, 0.00363, 3.32, 65.5, 5, (3.0, 9.9)),
    Band("r", 0.025, 1.40, 0.00493, 4.71, 115.0, 1, (0.0, 0.0)),
    Band("i", 0.040, 1.35, 0.00646, 5.17, 150.7, 2, (0.0, 2.8)),
    Band("z", 0.165, 1.30, 0.03617, 4.75, 77.1, 4, (1.3, 6.8)),
)


@dataclass(frozen=True)
class Pointing:
    """Where one field lies, and how the camera stood.

    Attributes:
        run, camcol, field: Its names.
        ra, dec: Of the reference pixel in band r, degrees.
        angle: Of the columns' direction, degrees; 90 where rows follow right ascension.
        seeing: FWHM over that of :data:`CAMERA`.
        shift: (5, 2) pixels (column, row) from a star's place in r to its place in each band.
        turn: (5,) rotation of each band, degrees.
    """

    run: int
    camcol: int
    field: int
    ra: float
    dec: float
    angle: float
    seeing: float
    shift: np.ndarray
    turn: np.ndarray

    def path(self, frames: Path, band: str) -> Path:
        """Return the path of a frame below the folder ``frames``, as the archive has it."""
        name = f"frame-{band}-{self.run:06d}-{self.camcol}-{self.field:04d}.fits.bz2"
        return frames / str(RERUN) / str(self.run) / str(self.camcol) / name


def _astrometry(pointing: Pointing, number: int) -> dict[str, float]:
    """WCS cards of band ``number``; CRPIX is common, so that shifts of bands are in CRVAL as in the archive."""
    scale, angle = PIXEL / 3600, np.radians(pointing.angle + pointing.turn[number])
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    # To first order; the next is 1e-4 pixel. The second row is mirrored: such is the parity of the camera.
    right = np.radians(pointing.angle)
    u, v = -scale * pointing.shift[number]
    east, north = u * np.cos(right) + v * np.sin(right), u * np.sin(right) - v * np.cos(right)
    return {
        "CRPIX1": CENTRE[0] + 1,
        "CRPIX2": CENTRE[1] + 1,
        "CRVAL1": pointing.ra + east / np.cos(np.radians(pointing.dec)),
        "CRVAL2": pointing.dec + north,
        "CD1_1": cosine,
        "CD1_2": sine,
        "CD2_1": sine,
        "CD2_2": -cosine,
    }


def world(pointing: Pointing, number: int):
    """Return the ``astropy.wcs.WCS`` of band ``number``: that of its :func:`header`, without warnings of old cards."""
    from astropy.wcs import WCS

    cards, plane = _astrometry(pointing, number), WCS(naxis=2)
    plane.wcs.ctype = "RA---TAN", "DEC--TAN"
    plane.wcs.crpix = cards["CRPIX1"], cards["CRPIX2"]
    plane.wcs.crval = cards["CRVAL1"], cards["CRVAL2"]
    plane.wcs.cd = np.reshape([cards[f"CD{i}_{j}"] for i in (1, 2) for j in (1, 2)], (2, 2))
    return plane


def header(pointing: Pointing, number: int):
    """Return the ``astropy.io.fits.Header`` of the frame of band ``number`` (0 to 4), with the archive's cards."""
    from astropy.io import fits

    band = CAMERA[number]
    taken = 4.515e9 + 86_400.0 * pointing.run + 35.8 * pointing.field + 71.645 * (band.row - 1)
    moment = datetime(1858, 11, 17) + timedelta(seconds=taken)
    cards = fits.Header()
    for key, value, comment in (
        ("TAI", round(taken, 2), "1st row - Seconds since Nov 17 1858"),
        ("RA", round(pointing.ra, 6), "1st row - RA of telescope boresight (deg)"),
        ("DEC", round(pointing.dec, 6), "1st row - Dec of telescope boresight (deg)"),
        ("SPA", pointing.angle, "1st row - Camera col position angle (deg)"),
        ("DATE-OBS", f"{moment:%Y-%m-%d}", "1st row - TAI date"),
        ("TAIHMS", f"{moment:%H:%M:%S}.{moment.microsecond // 10_000:02d}", "1st row - TAI time (HH:MM:SS.SS)"),
        ("ORIGIN", "SDSS", ""),
        ("TELESCOP", "2.5m", ""),
        ("TIMESYS", "TAI", ""),
        ("RUN", pointing.run, "Run number"),
        ("FRAME", pointing.field + 2 * (band.row - 1), "Frame sequence number within the run"),
        ("CCDLOC", 10 * band.row + pointing.camcol, "Survey location of CCD (e.g., rowCol)"),
        ("STRIPE", 82, "Stripe index number (23 <--> eta=0)"),
        ("STRIP", "N", "Strip in the stripe being tracked."),
        ("FLAVOR", "science", "Flavor of this run"),
        ("OBSERVER", "skybake", "Observer"),
        ("SYS_SCN", "mean", "System of the scan great circle"),
        ("EQNX_SCN", 2000.0, "Equinox of the scan great circle"),
        ("NODE", NODE, "RA of great circle's ascending node (deg)"),
        ("INCL", 0.0, "Great circle's inclination (deg)"),
        ("OBJECT", "82 N", "stripe and strip"),
        ("EXPTIME", "53.907456", "Exposure time (seconds)"),
        ("SYSTEM", "FK5", "System of the TCC coordinates"),
        ("CCDMODE", "DRIFT", "'STARING' or 'DRIFT'"),
        ("C_OBS", 26_322, "CCD row clock rate (usec/row)"),
        ("COLBIN", 1, "Binning factor perpendicular to the columns"),
        ("ROWBIN", 1, "Binning factor perpendicular to the rows"),
        ("CAMROW", band.row, "Row in the imaging camera"),
        ("BADLINES", 0, "Number of bad lines in frame"),
        ("EQUINOX", 2000.0, ""),
        ("SOFTBIAS", 1000, 'software "bias" added to all DN'),
        ("BUNIT", "nanomaggy", "1 nanomaggy = 3.631e-6 Jy"),
        ("FILTER", band.name, "filter used"),
        ("CAMCOL", pointing.camcol, "column in the imaging camera"),
        ("VERSION", "skybake", ""),
        ("RADECSYS", "ICRS", "International Celestial Ref. System"),
        ("CTYPE1", "RA---TAN", "Coordinate type"),
        ("CTYPE2", "DEC--TAN", "Coordinate type"),
        ("CUNIT1", "deg", "Units"),
        ("CUNIT2", "deg", "Units"),
    ):
        cards[key] = (value, comment)
    for key, value in _astrometry(pointing, number).items():
        cards[key] = float(value)
    cards.add_comment("Calibration parameters")
    cards.add_comment(f"Floats truncated at {KEPT_BITS} binary digits with FLOATCOMPRESS")
    cards["NMGY"] = (band.nanomaggies, "Calibration factor [nMgy per count]")
    cards["NMGYIVAR"] = (round((100 * band.nanomaggies) ** 2, 6), "Calibration factor inverse variance")
    cards["RERUN"] = (str(RERUN), "rerun")
    cards.add_history("Simulated by skybake.mock.sdss; not an observation")
    return cards


def point_spread(band: Band, seeing: float, wcs):
    """Return the image of a star of unit flux in a band, spread over the pixels of ``wcs``, as a ``galsim`` profile."""
    import galsim

    accuracy = galsim.GSParams(kvalue_accuracy=1e-4)
    fwhm = band.fwhm * seeing
    core = galsim.Moffat(CORE_SLOPE, fwhm=fwhm, gsparams=accuracy)
    halo = galsim.Moffat(HALO_SLOPE, fwhm=HALO_WIDTH * fwhm, trunc=HALO_REACH * PIXEL, gsparams=accuracy)
    star = (1 - HALO_SHARE) * core + HALO_SHARE * halo
    with warnings.catch_warnings():  # that both have hard edges: the halo's, at 1e-7 of the flux, does not matter
        warnings.simplefilter("ignore", galsim.GalSimWarning)
        return galsim.Convolve(star, wcs.toWorld(galsim.Pixel(1)), real_space=False)


def _stamp(image, profile, place: tuple[float, float], half: int, wcs) -> None:
    """Add ``profile`` to a galsim image, at a zero-based (column, row), within ``half`` pixels."""
    import galsim

    column, row = (int(np.floor(at + 0.5)) for at in place)
    stamp = profile.drawImage(
        nx=2 * half,
        ny=2 * half,
        wcs=wcs,
        # The true centre of an even stamp lies between pixels; (column, row) is the pixel right and above of it.
        offset=(place[0] - column + 0.5, place[1] - row + 0.5),
        method="no_pixel",  # the point-spread function has it
        dtype=np.float32,
    )
    stamp.setOrigin(column + 1 - half, row + 1 - half)  # galsim counts from 1
    shared = stamp.bounds & image.bounds
    if shared.isDefined():
        image[galsim.BoundsI(shared)] += stamp[shared]


def _profiles():
    """De Vaucouleurs and exponential profiles of half-light radius 1: cut where the SDSS pipeline cuts them."""
    import galsim

    accuracy = galsim.GSParams(kvalue_accuracy=1e-4, maximum_fft_size=8192)
    return (
        galsim.Sersic(4, half_light_radius=1, trunc=8, gsparams=accuracy),
        galsim.Sersic(1, half_light_radius=1, trunc=4, gsparams=accuracy),
    )


def _draw_galaxies(image, galaxies: Galaxies, places: np.ndarray, number: int, psf, wcs) -> None:
    import galsim

    bulge_profile, disc_profile = _profiles()
    for row in range(len(galaxies)):
        angle = galaxies.angle[row] * galsim.degrees
        parts, reach = [], 0.0
        for profile, flux, radius, ratio, extent in (
            (bulge_profile, galaxies.bulge, galaxies.bulge_radius, galaxies.bulge_ratio, 8),
            (disc_profile, galaxies.disc, galaxies.disc_radius, galaxies.disc_ratio, 4),
        ):
            if flux[row, number] > 0:
                sheared = profile.dilate(radius[row]).shear(q=ratio[row], beta=angle)
                parts.append(sheared.withFlux(flux[row, number]))
                reach = max(reach, extent * radius[row] / np.sqrt(ratio[row]))
        half = int(np.clip((reach + 5) / PIXEL, 24, 256))
        _stamp(image, galsim.Convolve(galsim.Sum(parts), psf), places[row], half, wcs)


def _draw_stars(image, flux: np.ndarray, places: np.ndarray, band: Band, psf, wcs) -> None:
    for value, place in zip(flux, places, strict=True):
        # The halo falls as r^-3.2 from 5e-6 of the flux at 20 pixels: a stamp ends at a tenth of the noise.
        half = int(np.clip(20 * (5e-5 * value / band.noise) ** (1 / 3.2), 12, HALO_REACH))
        _stamp(image, psf.withFlux(value), place, half, wcs)


def bleed(image: np.ndarray, level: float) -> None:
    """Clip (H, W) pixels at ``level`` in place; what is above flows along their column, up and down alike."""
    for column in np.flatnonzero((image > level).any(axis=0)):
        pixels = image[:, column]
        rows = np.flatnonzero(pixels > level)
        for star in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            excess = float((pixels[star] - level).sum())
            pixels[star] = level
            low, high = star[0] - 1, star[-1] + 1
            while excess > 0 and (low >= 0 or high < len(pixels)):
                for end in (end for end in (low, high) if 0 <= end < len(pixels)):
                    taken = min(level - pixels[end], excess) if pixels[end] < level else 0.0
                    pixels[end] += taken
                    excess -= taken
                low, high = low - 1, high + 1


def calibration(band: Band) -> np.ndarray:
    """Return the (2048,) nanomaggies per count of a frame's columns: its second HDU."""
    return (band.nanomaggies * (1 + 0.003 * np.linspace(-1, 1, COLUMNS))).astype(np.float32)


def sky(band: Band, rows: np.ndarray) -> np.ndarray:
    """Return counts of the sky in ``rows`` (zero-based, fractional).

    It brightens by whole counts along the scan, so that rounding to counts leaves no comb in the pixels of a frame.
    """
    return (band.sky + 3 * rows / ROWS).astype(np.float32)


def digitised(image: np.ndarray, band: Band) -> np.ndarray:
    """Return nanomaggies as the camera's whole counts give them: (counts - sky) calibration, after the data model."""
    offset, scale = sky(band, np.arange(ROWS))[:, None], calibration(band)
    counts = np.rint(image / scale + offset)
    return (np.minimum(counts, FULL_WELL) - offset) * scale


def compressible(image: np.ndarray) -> np.ndarray:
    """Return float32 pixels rounded to :data:`KEPT_BITS` binary digits, as the archive's are."""
    dropped = 24 - KEPT_BITS
    bits = np.ascontiguousarray(image, dtype=np.float32).view(np.uint32)
    return ((bits + (1 << (dropped - 1))) >> dropped << dropped).view(np.float32)


def draw(
    rng: np.random.Generator,
    pointing: Pointing,
    number: int,
    galaxies: Galaxies,
    galaxy_sky: np.ndarray,
    star_flux: np.ndarray,
    star_sky: np.ndarray,
):
    """Draw one band of a field.

    Args:
        rng: Source of the noise.
        pointing: Where the field lies.
        number: Of the band, 0 (u) to 4 (z).
        galaxies: n galaxies, fluxes as they arrive at the telescope.
        galaxy_sky: (n, 2) right ascension and declination, degrees.
        star_flux: (m, 5) nanomaggies.
        star_sky: (m, 2) degrees.

    Returns:
        (1489, 2048) float32 nanomaggies, and the ``astropy.io.fits.Header``.
    """
    import galsim

    band, plane = CAMERA[number], world(pointing, number)
    # East and north, arcsec: the field is flat to 1e-6, so one Jacobian serves all of it.
    local = galsim.JacobianWCS(*(3600 * plane.pixel_scale_matrix).ravel())
    image = galsim.ImageF(COLUMNS, ROWS)
    psf = point_spread(band, pointing.seeing, local)
    _draw_galaxies(image, galaxies, plane.wcs_world2pix(galaxy_sky, 0), number, psf, local)
    _draw_stars(image, star_flux[:, number], plane.wcs_world2pix(star_sky, 0), band, psf, local)
    pixels = image.array
    bleed(pixels, FULL_WELL * band.nanomaggies)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    pixels += noise * np.sqrt(band.variance(pixels)).astype(np.float32)
    return compressible(digitised(pixels, band)), header(pointing, number)


def _tables(pointing: Pointing, number: int) -> list:
    """The three extensions of a frame: calibration vector, sky and astrometry."""
    from astropy.io import fits

    band = CAMERA[number]
    grid = np.repeat(sky(band, 8.0 * np.arange(192) - 4)[:, None], 256, axis=1)  # a node every eight pixels
    columns = [
        fits.Column("ALLSKY", "49152E", dim="(256, 192)", array=grid[None]),
        fits.Column("XINTERP", "2048E", array=np.arange(COLUMNS, dtype=np.float32)[None] / 8 - 0.4375),
        fits.Column("YINTERP", "1489E", array=np.arange(ROWS, dtype=np.float32)[None] / 8 + 0.5),
    ]
    place = _astrometry(pointing, number)
    stretch = np.cos(np.radians(place["CRVAL2"]))
    mu_row, mu_column, nu_row, nu_column = (
        place["CD1_2"] / stretch,
        place["CD1_1"] / stretch,
        place["CD2_2"],
        place["CD2_1"],
    )
    first = (
        place["CRVAL1"] - mu_column * CENTRE[0] - mu_row * CENTRE[1],
        place["CRVAL2"] - nu_column * CENTRE[0] - nu_row * CENTRE[1],
    )
    values: list[tuple[str, str, object]] = [
        ("RUN", "J", pointing.run),
        ("RERUN", "3A", str(RERUN)),
        ("CAMCOL", "J", pointing.camcol),
        ("FILTER", "1A", band.name),
        ("NODE", "D", NODE),
        ("INCL", "D", 0.0),
        ("NAXIS", "2J", (COLUMNS, ROWS)),
        ("FIELD", "J", pointing.field),
        *zip("ABC", "DDD", (first[0], mu_row, mu_column), strict=True),
        *zip("DEF", "DDD", (first[1], nu_row, nu_column), strict=True),
        *((name, "D", 0.0) for name in ("DROW0", "DROW1", "DROW2", "DROW3", "DCOL0", "DCOL1", "DCOL2", "DCOL3")),
        *((name, "D", 0.0) for name in ("CSROW", "CSCOL", "CCROW", "CCCOL")),
        ("RICUT", "D", 100.0),
        ("MJD", "D", 52_256.0 + pointing.run),
        ("AIRMASS", "D", 1.1),
        ("MUERR", "E", 0.03),
        ("NUERR", "E", 0.03),
    ]
    astrom = [fits.Column(name, form, array=[value]) for name, form, value in values]
    return [
        fits.ImageHDU(calibration(band)),
        fits.BinTableHDU.from_columns(columns),
        fits.BinTableHDU.from_columns(astrom),
    ]


def write(path: Path, image: np.ndarray, cards, tables: list, level: int) -> None:
    """Write a frame as ``.fits.bz2``, whole or not at all; the same input gives the same bytes."""
    from io import BytesIO

    from astropy.io import fits

    buffer, primary = BytesIO(), fits.PrimaryHDU(image, header=cards)
    primary.header.set("BZERO", 0.0, "Set by MRD_SCALE", after="NAXIS2")
    primary.header.set("BSCALE", 1.0, "Set by MRD_SCALE", after="BZERO")
    fits.HDUList([primary, *tables]).writeto(buffer)
    with atomic_write(path) as beside:
        beside.write_bytes(bz2.compress(buffer.getbuffer(), level))


def write_field(
    rng: np.random.Generator,
    frames: Path,
    pointing: Pointing,
    galaxies: Galaxies,
    galaxy_sky: np.ndarray,
    star_flux: np.ndarray,
    star_sky: np.ndarray,
    level: int,
) -> None:
    """Draw and write the five frames of a field below ``frames``; arguments as in :func:`draw`."""
    for number, band in enumerate(BANDS):
        image, cards = draw(rng, pointing, number, galaxies, galaxy_sky, star_flux, star_sky)
        write(pointing.path(frames, band), image, cards, _tables(pointing, number), level)
