"""A mock SDSS: frames in five bands as the archive keeps them, and the catalogue of their galaxies with redshifts.

The raw files are those of :mod:`skybake.raw.sdss`: a CSV catalogue as CasJobs returns it, and
``<frames>/<rerun>/<run>/<camcol>/frame-<band>-<run>-<camcol>-<field>.fits.bz2``. The galaxies are a mixture of a main
sample (r < 17.77) and luminous red galaxies (r < 19.5) at 0 < z < 0.4; around them lie fainter galaxies and stars that
no catalogue lists. Magnitudes of the catalogue are measured: photon noise, and the scatter of cModel fits, which are
made band by band.

The traps of real catalogues can be planted on top of the good galaxies. They are listed in ``traps.csv`` beside the
catalogue (row of the catalogue counted from 0, objID, kind, detail), so that whoever reads the mock can count them. All
but two kinds must cost their row: a missing magnitude leaves an object usable, and so does a place near the edge.
"""

from __future__ import annotations

import csv
import functools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from skybake.data.limit import SIGMA, Limit, Truth, write_truth
from skybake.files import atomic_write
from skybake.missing import MAGIC
from skybake.settings import Settings

if TYPE_CHECKING:
    from skybake.mock.sdss.galaxies import Galaxies

RAW_FILES = {"catalogue": "catalogue.csv", "frames": "frames/"}
SMALL = {"n_objects": 6, "objects_per_field": 3, "stars_per_field": 10, "neighbours_per_field": 5, "compress": 1}
LIMIT = {"label": "redshift", "objects": 300}
BANDS = "ugriz"
EXTINCTION = np.array([4.239, 3.303, 2.285, 1.698, 1.263])  # A / E(B-V): Schlafly & Finkbeiner (2011), table 6
SOFTENING = np.array([1.4, 0.9, 1.2, 1.8, 7.4]) * 1e-10  # b of asinh magnitudes: Lupton, Gunn & Szalay (1999); DR1
# cModel fits each band alone: robust scatter of cModel - model colours of bright galaxies in a real photoObj field
# (run 3900, r < 18.6: r - i 0.038, i - z 0.077, shared by two bands).
MODEL_SCATTER = np.array([0.06, 0.03, 0.02, 0.025, 0.05])
REDSHIFT_ERROR = 2e-5
SEPARATION = 30.0  # arcsec between catalogued galaxies; less than a fibre collision (55), more than a cutout
MARGIN = 60  # pixels from the edge for good galaxies: a 64-pixel cutout and the shifts of the bands
EDGE = 6  # pixels from the edge for those planted there
# Median colours of stars against g - i: measured on the 1,306 stars with 14 < r < 20 of run 4510, camcol 4.
LOCUS_GI = np.array([0.15, 0.45, 0.75, 1.05, 1.35, 1.65, 1.95, 2.25, 2.55, 2.85, 3.15])
LOCUS_NUMBER = np.array([56, 289, 204, 97, 89, 91, 101, 116, 157, 64, 13])
LOCUS_UG = np.array([0.833, 1.007, 1.369, 1.922, 2.213, 2.428, 2.454, 2.487, 2.392, 2.314, 2.195])
LOCUS_RI = np.array([0.050, 0.116, 0.194, 0.276, 0.363, 0.471, 0.656, 0.866, 1.128, 1.359, 1.571])
LOCUS_IZ = np.array([0.037, 0.034, 0.091, 0.153, 0.214, 0.275, 0.358, 0.469, 0.603, 0.746, 0.873])


class Options(Settings):
    """Sizes of the mock SDSS."""

    n_objects: int = Field(2000, ge=1, description="good galaxies in the catalogue, without the traps")
    objects_per_field: int = Field(50, ge=1, le=150, description="good galaxies in a field of 2048 x 1489 pixels")
    stars_per_field: int = Field(150, ge=0, description="stars in a field, 13 < r < 22.5; the brightest saturate")
    neighbours_per_field: int = Field(60, ge=0, description="galaxies of 18 < r < 22 that the catalogue does not list")
    red_fraction: float = Field(0.2, ge=0, le=1, description="share of luminous red galaxies (0.15 < z < 0.4)")
    seeing_scatter: float = Field(0.06, ge=0, description="scatter of the natural logarithm of a field's seeing")
    traps: int = Field(1, ge=0, description="rows planted of each kind of trap; two kinds take a field of their own")
    compress: int = Field(9, ge=1, le=9, description="block size of bzip2, 100 kB; the archive uses 9")
    seed: int = Field(0, ge=0, description="seed of everything random")


# Kinds of trap. The first five stand in fields of good galaxies; each of the last two makes a field of one galaxy.
IN_FIELD = ("rounded objID", "missing magnitude", "outside the frame", "near the edge", "repeated spectrum")
OF_FIELD = ("missing frame", "truncated frame")


@dataclass(frozen=True)
class Plan:
    """What one field will hold, decided before anything is drawn.

    Attributes:
        number: Of the field, counted from 0; also seeds it.
        good: Good galaxies in it.
        traps: Kinds of trap in it, one galaxy each.
    """

    number: int
    good: int
    traps: tuple[str, ...] = ()


def plan(options: Options) -> list[Plan]:
    """Share the galaxies and the traps out among the fields."""
    sizes = [
        min(options.objects_per_field, options.n_objects - first)
        for first in range(0, options.n_objects, options.objects_per_field)
    ]
    kinds = IN_FIELD * options.traps
    fields = [Plan(number, good, kinds[number :: len(sizes)]) for number, good in enumerate(sizes)]
    extra = OF_FIELD * options.traps
    return fields + [Plan(len(fields) + number, 0, (kind,)) for number, kind in enumerate(extra)]


def simulate(raw: Mapping[str, Path], options: Options, *, threads: int = 1) -> None:
    """Write the catalogue, its list of traps and the frames.

    Args:
        raw: ``catalogue`` -> CSV file; ``frames`` -> folder; what it holds already stays. With ``truth``, where what
            was drawn of each row goes.
        options: Sizes and seed.
        threads: Processes that draw fields; the files do not depend on it.
    """
    from tqdm import tqdm

    from skybake.mock.sdss import galaxies as drawn_galaxies

    plans = plan(options)
    drawn_galaxies.redshifted_colours()  # once, before the processes part
    work = functools.partial(_field, options=options, frames=Path(raw["frames"]))
    with _each(work, plans, min(threads, len(plans))) as fields:
        bar = tqdm(fields, total=len(plans), desc="mock sdss", unit="field", disable=len(plans) < 3)
        tables = list(bar)
    _write_catalogue(Path(raw["catalogue"]), tables)
    if "truth" in raw:
        _write_truth(Path(raw["truth"]), [row for table in tables for row in table])


def limit(options: Options, truth: Truth) -> list[Limit]:
    """Return how well redshifts can be known from magnitudes: :mod:`skybake.mock.sdss.posterior`."""
    from skybake.mock.sdss import posterior

    library = _sample(np.random.default_rng([options.seed, 1]), posterior.LIBRARY, options.red_fraction)
    clear = 10 ** (0.4 * truth["extinction"])
    flux, error = _fluxes(truth["magnitude"], truth["error"])
    _, left = posterior.estimates(flux * clear, error * clear, MODEL_SCATTER, library.flux, library.redshift)
    method = f"posterior of the measured magnitudes over {posterior.LIBRARY} galaxies drawn alike; images tell more"
    return [Limit("magnitudes alone", SIGMA, method, left, bound=False)]


def _fluxes(magnitude: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the fluxes of asinh magnitudes (n, 5) and their errors, nanomaggies; NaN where one is missing."""
    magnitude = np.where(magnitude == MAGIC, np.nan, magnitude)
    flux = 2e9 * SOFTENING * np.sinh(-magnitude * np.log(10) / 2.5 - np.log(SOFTENING))
    return flux, error * np.hypot(flux, 2e9 * SOFTENING) * np.log(10) / 2.5


@contextmanager
def _each(work: Callable[[Plan], list[dict]], plans: list[Plan], processes: int) -> Iterator[Iterable[list[dict]]]:
    if processes <= 1:
        yield map(work, plans)
        return
    # Fork: a spawned process would run the calling script again, which under Snakemake has no main guard.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("fork")) as pool:
        try:
            yield pool.map(work, plans)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # one field failed: do not draw the others first
            raise


def _field(plan: Plan, *, options: Options, frames: Path) -> list[dict]:
    """Draw and write one field; return its rows of the catalogue. ``trap`` and ``detail`` go to ``traps.csv``."""
    from skybake.mock.sdss import frames as drawn_frames
    from skybake.mock.sdss import galaxies as drawn_galaxies

    rng = np.random.default_rng([options.seed, plan.number])
    pointing = _pointing(rng, plan.number, options)
    extinction = EXTINCTION * rng.lognormal(np.log(0.03), 0.5)
    drawn = plan.good + sum(kind != "repeated spectrum" for kind in plan.traps)
    full = bool(plan.good)  # a field that is only a trap stays empty, and so cheap
    galaxies = _sample(rng, drawn, options.red_fraction).dimmed(extinction)
    places = _places(rng, plan, drawn)
    faint = options.neighbours_per_field * full
    neighbours = drawn_galaxies.sample(rng, faint, drawn_galaxies.NEIGHBOUR).dimmed(extinction)
    sky = _sky(pointing, np.concatenate([places, _anywhere(rng, faint)]))
    stars = _stars(rng, options.stars_per_field * full)
    star_sky = _sky(pointing, _anywhere(rng, len(stars)))
    rows = _rows(rng, plan, pointing, galaxies, sky[:drawn], extinction)
    drawn_frames.write_field(
        rng,
        frames,
        pointing,
        drawn_galaxies.join([galaxies, neighbours]),
        sky,
        stars,
        star_sky,
        options.compress,
    )
    for kind in plan.traps:
        _spoil(frames, pointing, kind)
    return rows


def _pointing(rng: np.random.Generator, number: int, options: Options):
    """Lay fields out: ten of a camera column, six columns of a run, runs on stripes that do not overlap."""
    from skybake.mock.sdss import frames as drawn_frames

    stripe, camcol, step = number // 60, number // 10 % 6, number % 10
    dec = 2.5 * (stripe % 24) + 0.42 * (camcol - 2.5)
    shift = np.array([band.shift for band in drawn_frames.CAMERA])
    jitter = rng.normal(0, (1.5, 0.7), shift.shape)
    turn = rng.normal(0, 0.01, len(shift))
    jitter[BANDS.index("r")] = turn[BANDS.index("r")] = 0
    return drawn_frames.Pointing(
        run=1000 + 7 * stripe,
        camcol=camcol + 1,
        field=11 + step,
        ra=150 + 40 * (stripe // 24) + 0.22 * step / np.cos(np.radians(dec)),
        dec=dec,
        angle=90.0 - 3 * (stripe % 4),
        seeing=rng.lognormal(0, options.seeing_scatter),
        shift=shift + jitter,
        turn=turn,
    )


def _sample(rng: np.random.Generator, n: int, red_fraction: float) -> Galaxies:
    """Galaxies of the two spectroscopic samples, mixed."""
    from skybake.mock.sdss import galaxies as drawn_galaxies

    red = int(rng.binomial(n, red_fraction))
    both = [
        drawn_galaxies.sample(rng, red, drawn_galaxies.LUMINOUS_RED),
        drawn_galaxies.sample(rng, n - red, drawn_galaxies.MAIN),
    ]
    return drawn_galaxies.join(both).rows(rng.permutation(n))


def _places(rng: np.random.Generator, plan: Plan, n: int) -> np.ndarray:
    """(n, 2) zero-based pixels (column, row) of band r, apart from each other, the galaxies of traps last."""
    from skybake.mock.sdss import frames as drawn_frames

    apart = SEPARATION / drawn_frames.PIXEL
    low, high = np.full(2, MARGIN), np.array([drawn_frames.COLUMNS, drawn_frames.ROWS]) - MARGIN
    places = np.empty((0, 2))
    while len(places) < n:
        place = rng.uniform(low, high)
        if not len(places) or np.hypot(*(places - place).T).min() > apart:
            places = np.vstack([places, place])
    drawn = [kind for kind in plan.traps if kind != "repeated spectrum"]
    for row, kind in zip(range(plan.good, n), drawn, strict=True):
        if kind == "near the edge":
            places[row, 0] = EDGE
        if kind == "outside the frame":
            places[row, 0] += drawn_frames.COLUMNS  # the frame east or north of it would have it
    return places


def _anywhere(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 2) pixels of band r in the frame and a little around it."""
    from skybake.mock.sdss import frames as drawn_frames

    return rng.uniform(-20, [drawn_frames.COLUMNS + 20, drawn_frames.ROWS + 20], (n, 2))


def _sky(pointing, places: np.ndarray) -> np.ndarray:
    """(n, 2) right ascension and declination of pixels of band r, degrees."""
    from skybake.mock.sdss import frames as drawn_frames

    return drawn_frames.world(pointing, BANDS.index("r")).wcs_pix2world(places, 0)


def _stars(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 5) fluxes of stars on the stellar locus, nanomaggies; the number grows as 10^(0.15 r)."""
    low, high = 10 ** (0.15 * 13), 10 ** (0.15 * 22.5)
    r = np.log10(low + (high - low) * rng.random(n)) / 0.15
    bin_ = rng.choice(len(LOCUS_GI), n, p=LOCUS_NUMBER / LOCUS_NUMBER.sum())
    gi = LOCUS_GI[bin_] + rng.uniform(-0.15, 0.15, n)
    ug, ri, iz = (np.interp(gi, LOCUS_GI, colour) for colour in (LOCUS_UG, LOCUS_RI, LOCUS_IZ))
    magnitudes = np.stack([r + gi - ri + ug, r + gi - ri, r, r - ri, r - ri - iz], axis=1)
    magnitudes += rng.normal(0, 0.03, magnitudes.shape)
    return 10 ** (-0.4 * (magnitudes - 22.5))


def object_id(run: int, camcol: int, field: int, number: int, rerun: int = 301) -> int:
    """Return the objID of an object: sky version 2, then rerun, run, camcol, field and number, each in its bits.

    The layout is SDSS' own (``photoObjID`` in its glossary): bits 59-62 sky version, 48-58 rerun, 32-47 run, 29-31
    camcol, 28 first field, 16-27 field, 0-15 object.
    """
    return 2 << 59 | rerun << 48 | run << 32 | camcol << 29 | field << 16 | number


def asinh_magnitude(flux: np.ndarray) -> np.ndarray:
    """Return asinh magnitudes of (..., 5) nanomaggies (Lupton, Gunn & Szalay 1999, eq. 3): finite at negative flux."""
    return -2.5 / np.log(10) * (np.arcsinh(flux * 1e-9 / (2 * SOFTENING)) + np.log(SOFTENING))


def _measured(rng: np.random.Generator, galaxies: Galaxies, seeing: float) -> tuple[np.ndarray, np.ndarray]:
    """cModel magnitudes and their errors, both (n, 5): what a fit of each band would find."""
    from skybake.mock.sdss import frames as drawn_frames

    sizes = np.array([band.fwhm * seeing / 2.355 for band in drawn_frames.CAMERA])
    # Noise-equivalent area of a source seen through its own profile (King 1983), in pixels.
    area = 4 * np.pi * (sizes**2 + galaxies.radius[:, None] ** 2) / drawn_frames.PIXEL**2
    noise = np.array([band.noise for band in drawn_frames.CAMERA])
    photons = np.array([band.nanomaggies / band.gain for band in drawn_frames.CAMERA])
    error = np.sqrt(area * noise**2 + galaxies.flux * photons)
    fitted = galaxies.flux * 10 ** (-0.4 * rng.normal(0, MODEL_SCATTER, galaxies.flux.shape))
    flux = fitted + rng.normal(0, error)
    softened = np.hypot(flux, 2e9 * SOFTENING)
    return asinh_magnitude(flux), 2.5 / np.log(10) * error / softened


def _rows(
    rng: np.random.Generator, plan: Plan, pointing, galaxies: Galaxies, sky: np.ndarray, extinction: np.ndarray
) -> list[dict]:
    from skybake.mock.sdss import frames as drawn_frames

    magnitude, error = _measured(rng, galaxies, pointing.seeing)
    rows = []
    for number in range(len(galaxies)):
        row = {
            "objID": object_id(pointing.run, pointing.camcol, pointing.field, 11 + number),
            "run": pointing.run,
            "rerun": drawn_frames.RERUN,
            "camcol": pointing.camcol,
            "field": pointing.field,
            "ra": f"{sky[number, 0]:.8f}",
            "dec": f"{sky[number, 1]:.8f}",
            "class": "GALAXY",
            "redshift": f"{rng.normal(galaxies.redshift[number], REDSHIFT_ERROR):.7f}",
            "redshift_err": f"{REDSHIFT_ERROR:.7f}",
        }
        for name, values in (("cModelMag", magnitude[number]), ("cModelMagErr", error[number])):
            row |= {f"{name}_{band}": f"{value:.5f}" for band, value in zip(BANDS, values, strict=True)}
        row |= {f"extinction_{band}": f"{value:.6f}" for band, value in zip(BANDS, extinction, strict=True)}
        rows.append(row | {"trap": "", "detail": ""})
    return _with_traps(rng, plan, rows)


def _with_traps(rng: np.random.Generator, plan: Plan, rows: list[dict]) -> list[dict]:
    """Mark and spoil the rows of traps: they follow the good ones, in the order of ``plan.traps``."""
    good, spare = rows[: plan.good], iter(rows[plan.good :])
    for kind in plan.traps:
        if kind == "repeated spectrum":
            row = dict(good[0])
            row["redshift"] = f"{float(row['redshift']) + rng.normal(0, 3 * REDSHIFT_ERROR):.7f}"
            row["redshift_err"] = f"{2 * REDSHIFT_ERROR:.7f}"
            detail = "second spectrum of the field's first galaxy"
        else:
            row, detail = next(spare), ""
        if kind == "rounded objID":
            detail = f"was {row['objID']}"
            row["objID"] = f"{row['objID']:.5E}"  # as a spreadsheet shows it
        if kind == "missing magnitude":
            row["cModelMag_u"] = row["cModelMagErr_u"] = f"{MAGIC:g}"
            detail = "cModelMag_u"
        if kind == "outside the frame":
            detail = "ra and dec lie one frame's width off the field named"
        if kind == "near the edge":
            detail = f"column {EDGE} of band r"
        if kind == "missing frame":
            detail = "band u"
        if kind == "truncated frame":
            detail = "band i, half of the file"
        good.append(row | {"trap": kind, "detail": detail})
    return good


def _spoil(frames: Path, pointing, kind: str) -> None:
    """Take away or cut off a frame, as a broken download leaves it."""
    if kind == "missing frame":
        pointing.path(frames, "u").unlink()
    if kind == "truncated frame":
        path = pointing.path(frames, "i")
        half = path.read_bytes()[: path.stat().st_size // 2]
        with atomic_write(path) as beside:
            beside.write_bytes(half)


def _write_catalogue(path: Path, tables: list[list[dict]]) -> None:
    rows = [row for table in tables for row in table]
    columns = [name for name in rows[0] if name not in ("trap", "detail")]
    _write_csv(path, columns, ([row[name] for name in columns] for row in rows))
    traps = ([n, row["objID"], row["trap"], row["detail"]] for n, row in enumerate(rows) if row["trap"])
    _write_csv(path.parent / "traps.csv", ["row", "objID", "kind", "detail"], traps)


def _write_truth(path: Path, rows: list[dict]) -> None:
    """Write what the catalogue says of each object; what a trap has spoiled, as it is there."""
    names = {"magnitude": "cModelMag", "error": "cModelMagErr", "extinction": "extinction"}
    tables = {
        key: np.array([[float(row[f"{name}_{band}"]) for band in BANDS] for row in rows]) for key, name in names.items()
    }
    redshift = np.array([float(row["redshift"]) for row in rows])
    write_truth(path, {"id": np.array([str(row["objID"]) for row in rows]), "redshift": redshift, **tables})


def _write_csv(path: Path, columns: list[str], rows: Iterable[list]) -> None:
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
