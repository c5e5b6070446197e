"""Simulated stamps of moving objects, in the raw files that :mod:`skybake.raw.decam` reads.

A stamp is the mean of several exposures, shifted along the track of a candidate and sky-subtracted; its sky noise is
Gaussian and independent from pixel to pixel.

Sources: a Gaussian PSF of sigma 1 to 2 pixels, integrated over pixels, in every exposure where the object is: on a
straight line through a place off the middle (the candidate's velocity is not quite the object's), with jitter. An
object is seen in several stamps, which share its S/N and PSF: ``object`` groups them.

*Signal to noise.* ``snr`` is that of a matched filter which knows PSF and track, A (sum T^2)^(1/2) / sigma for the
noise-free stamp A T and the sky noise sigma of a pixel. On such noise alone no classifier does better than
:func:`skybake.metrics.matched_filter.auc`; stamps with artefacts are harder.

Kinds of noise, ``kind``: ``sky`` alone; ``residual``, a star that was subtracted with a wrong place or flux and trails
along the track; ``cosmic_ray``, a hit in one of the exposures that survived the mean; ``masked_edge``, pixels beyond a
detector's edge; ``bad_row``, rows or columns with another level. A part of the sources has one of them too, or
an artefact alone would tell the class.

Simplifications: no correlated noise from resampling, one noise level in a stamp, no neighbours but the artefacts, and
noise stamps are random places, not the brightest peaks that a search would hand on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from pydantic import Field, model_validator

from skybake.data.limit import Limit, Truth, write_truth
from skybake.files import atomic_write
from skybake.mock.decam import observer
from skybake.settings import Settings

RAW_FILES = {"sources": "sources.npy", "noise": "noise.npy", "catalogue": "catalogue.csv"}
SMALL = {"n_sources": 70, "n_noise": 60}
LIMIT = {"label": "class", "objects": 2000}
OPTIONAL_FILES = {"expectation": "expectation.npy"}

Kind = Literal["sky", "residual", "cosmic_ray", "masked_edge", "bad_row"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COLUMNS = ("id", "class", "object", "kind", "snr", "psf_sigma", "x", "y", "sky_noise")
NOISE_SCATTER = 0.1  # of ln sky noise from stamp to stamp
TRAIL = 1.5  # pixels; sigma of the drift from the first to the last exposure, from a wrong velocity
BLOCK = 2048  # stamps in memory at once


class Options(Settings):
    """What is simulated."""

    n_sources: int = Field(2000, ge=1, description="Number of stamps of sources.")
    n_noise: int = Field(2000, ge=1, description="Number of stamps of noise.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    size: int = Field(21, ge=9, le=201, description="Pixels a side.")
    exposures: int = Field(20, ge=1, description="Exposures in a stamp.")
    snr_min: float = Field(3.0, gt=0, description="Least signal to noise of a source in its stamp.")
    snr_max: float = Field(100.0, gt=0, description="Greatest; in between it is uniform in its logarithm.")
    psf_min: float = Field(1.0, gt=0, description="Least sigma of the PSF [pixels].")
    psf_max: float = Field(2.0, gt=0, description="Greatest.")
    offset: float = Field(2.0, ge=0, description="Greatest distance of a source from the middle [pixels].")
    jitter: float = Field(0.3, ge=0, description="Sigma of a source's place from exposure to exposure [pixels].")
    recurrence: float = Field(2.0, ge=1, description="Mean number of stamps of one object.")
    sky_noise: float = Field(10.0, gt=0, description="Typical noise of a pixel [counts].")
    noise_kinds: tuple[Kind, ...] = Field(KINDS, min_length=1, description="Kinds of noise, equally frequent.")
    artefacts: float = Field(0.3, ge=0, le=1, description="Fraction of sources that have one of these kinds too.")
    masked: Literal["nan", "zero"] = Field("nan", description="What stands in masked pixels.")
    expectation: bool = Field(False, description="Also write the noise-free sources, without artefacts.")

    @model_validator(mode="after")
    def _ranges(self) -> Options:
        for name in ("snr", "psf"):
            low, high = getattr(self, f"{name}_min"), getattr(self, f"{name}_max")
            if low > high:
                raise ValueError(f"{name}_min {low:g} is above {name}_max {high:g}")
        return self


@dataclass(frozen=True)
class Catalogue:
    """What is known of n stamps; arrays (n,).

    Attributes:
        object: Number of the object.
        kind: Place in :data:`KINDS`.
        snr: Signal to noise; NaN where there is no source.
        psf_sigma: [pixels]
        x, y: Mean place of the source, column and row from the stamp's middle [pixels]; NaN where there is none.
        sky_noise: Sigma of a pixel [counts].
    """

    object: np.ndarray
    kind: np.ndarray
    snr: np.ndarray
    psf_sigma: np.ndarray
    x: np.ndarray
    y: np.ndarray
    sky_noise: np.ndarray


def simulate(raw: Mapping[str, Path], options: Options, *, threads: int = 1) -> None:
    """Write the raw files of a simulated survey; the same options give the same bytes.

    Args:
        raw: Paths of :data:`RAW_FILES`; with ``expectation``, where that goes (else beside the sources); with
            ``truth``, where what was drawn of each stamp goes.
        options: What to simulate.
        threads: Not used.
    """
    rng = np.random.default_rng(options.seed)
    sources, noise = _sources(rng, options), _noise(rng, options)
    truth = _Truth(options) if "truth" in raw else None
    with ExitStack() as files:
        stamps = files.enter_context(_array(Path(raw["sources"]), options.n_sources, options))
        expected = None
        if options.expectation:
            path = Path(raw.get("expectation", Path(raw["sources"]).with_name(OPTIONAL_FILES["expectation"])))
            expected = files.enter_context(_array(path, options.n_sources, options))
        for rows in _blocks(options.n_sources):
            signal = _signal(rng, sources, rows, options)
            stamps[rows] = _observe(rng, signal, sources, rows, options, truth)
            if expected is not None:
                expected[rows] = signal
    with _array(Path(raw["noise"]), options.n_noise, options) as stamps:
        for rows in _blocks(options.n_noise):
            nothing = np.zeros((rows.stop - rows.start, options.size, options.size))
            stamps[rows] = _observe(rng, nothing, noise, rows, options, truth)
    _write_catalogue(Path(raw["catalogue"]), sources, noise)
    if truth is not None:
        truth.write(Path(raw["truth"]), sources, noise)


def limit(options: Options, truth: Truth) -> list[Limit]:
    """Return how well sources can be told from noise: :mod:`skybake.mock.decam.observer`."""
    rng = np.random.default_rng([options.seed, 1])
    shapes, _ = _some_shapes(rng, observer.SHAPES, options)
    chances = np.array([_chances(options, name) for name in KINDS])  # (kinds, 2) of a source and of noise
    n_all = np.array([options.n_sources, options.n_noise])
    told = np.log(np.maximum(chances * n_all, 1e-300))  # a kind that is never drawn is never asked for
    told = told[:, 0] - told[:, 1]  # ln of the odds by kind
    here = truth["class"] == 1
    others, snr = _some_shapes(rng, int((~here).sum()), options)
    signal = truth["signal"].copy()
    signal[~here] = others * snr[:, None, None]
    return observer.lines({**truth, "signal": signal}, shapes, (options.snr_min, options.snr_max), told[truth["kind"]])


def _some_shapes(rng: np.random.Generator, n: int, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Draw sources: their shapes (n, H, W) of unit norm, and their signal to noise (n,)."""
    sources = _sources(rng, options.model_copy(update={"n_sources": max(n, 1)}))
    shapes = _signal(rng, sources, slice(0, max(n, 1)), options)[:n]
    return shapes * _amplitude(shapes, np.ones(n)), sources.snr[:n]


def _chances(options: Options, kind: str) -> tuple[float, float]:
    """Return how often sources and noise stamps are of a kind."""
    artefacts: list[str] = [name for name in options.noise_kinds if name != "sky"]
    share = options.artefacts if artefacts else 0.0
    of_source = 1 - share if kind == "sky" else share * artefacts.count(kind) / max(len(artefacts), 1)
    return of_source, options.noise_kinds.count(kind) / len(options.noise_kinds)


class _Truth:
    """Keeps what was drawn of each stamp: its light without artefacts and its source, over the noise of a pixel."""

    def __init__(self, options: Options):
        shape = (options.n_sources + options.n_noise, options.size, options.size)
        self.stamps, self.signals = np.empty(shape, np.float32), np.empty(shape, np.float32)
        self.count = 0

    def keep(
        self, signal: np.ndarray, plain: np.ndarray, seen: np.ndarray, kind: np.ndarray, noise: np.ndarray
    ) -> None:
        """Keep the next (n, H, W) stamps, before and after artefacts; what an edge changed is masked."""
        masked = (kind == KINDS.index("masked_edge"))[:, None, None] & (seen != plain)
        rows, over = slice(self.count, self.count + len(kind)), noise[:, None, None]
        self.stamps[rows] = np.where(masked, np.nan, plain) / over
        self.signals[rows] = signal / over
        self.count += len(kind)

    def write(self, path: Path, sources: Catalogue, noise: Catalogue) -> None:
        """Write what was kept, sources first, under the names that the catalogue has."""
        parts = {"source": sources, "noise": noise}
        table = {
            "id": np.array([f"{name}-{row:06d}" for name, part in parts.items() for row in range(len(part.object))]),
            "class": np.repeat([1, 0], [len(part.object) for part in parts.values()]),
            "stamp": self.stamps,
            "signal": self.signals,
        }
        columns = ("kind", "snr", "psf_sigma", "x", "y", "sky_noise")
        table |= {name: np.concatenate([getattr(part, name) for part in parts.values()]) for name in columns}
        write_truth(path, table)


@contextmanager
def _array(path: Path, n: int, options: Options) -> Iterator[np.ndarray]:
    """Give a .npy file (n, H, W) float32 to fill, which appears whole or not at all."""
    with atomic_write(path) as beside:
        array = np.lib.format.open_memmap(beside, "w+", np.float32, (n, options.size, options.size))
        yield array
        array.flush()


def _blocks(n: int) -> Iterator[slice]:
    for first in range(0, n, BLOCK):
        yield slice(first, min(first + BLOCK, n))


# --- what is drawn ---------------------------------------------------------------------------------------------------


def _sources(rng: np.random.Generator, options: Options) -> Catalogue:
    """Draw objects, each with its number of stamps, and put the stamps in random order."""
    n = options.n_sources
    object_ = np.repeat(np.arange(n), rng.geometric(1 / options.recurrence, n))[:n]
    snr = np.exp(rng.uniform(np.log(options.snr_min), np.log(options.snr_max), n))
    psf = rng.uniform(options.psf_min, options.psf_max, n)
    artefacts = tuple(kind for kind in options.noise_kinds if kind != "sky")
    share = options.artefacts if artefacts else 0.0
    order = rng.permutation(n)
    return Catalogue(
        object=object_[order],
        kind=np.where(rng.random(n) < share, _kinds(rng, artefacts or ("sky",), n), KINDS.index("sky")),
        snr=snr[object_][order],
        psf_sigma=psf[object_][order],
        x=np.full(n, np.nan),
        y=np.full(n, np.nan),
        sky_noise=_sky_noise(rng, n, options),
    )


def _noise(rng: np.random.Generator, options: Options) -> Catalogue:
    n = options.n_noise
    nothing = np.full(n, np.nan)
    return Catalogue(
        object=np.arange(n),
        kind=_kinds(rng, options.noise_kinds, n),
        snr=nothing,
        psf_sigma=rng.uniform(options.psf_min, options.psf_max, n),
        x=nothing,
        y=nothing,
        sky_noise=_sky_noise(rng, n, options),
    )


def _kinds(rng: np.random.Generator, names: tuple[str, ...], n: int) -> np.ndarray:
    return np.array([KINDS.index(name) for name in names])[rng.integers(len(names), size=n)]


def _sky_noise(rng: np.random.Generator, n: int, options: Options) -> np.ndarray:
    return options.sky_noise * np.exp(rng.normal(0, NOISE_SCATTER, n))


# --- light -----------------------------------------------------------------------------------------------------------


def trailed(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, size: int) -> np.ndarray:
    """Return the mean of Gaussian PSFs at several places, integrated over pixels: (n, size, size), sum 1 or less.

    Args:
        x, y: (n, K) places, column and row from the stamp's middle [pixels].
        sigma: (n,) of the PSF [pixels].
        size: Pixels a side.
    """
    from scipy.special import ndtr

    edges = np.arange(size + 1) - size / 2
    columns, rows = (np.diff(ndtr((edges - place[..., None]) / sigma[:, None, None]), axis=-1) for place in (x, y))
    return np.swapaxes(rows, 1, 2) @ columns / x.shape[1]


def _signal(rng: np.random.Generator, sources: Catalogue, rows: slice, options: Options) -> np.ndarray:
    """Return sources without noise (n, H, W) [counts], and keep their places in the catalogue."""
    n, exposures = rows.stop - rows.start, options.exposures
    radius, angle = options.offset * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    time = np.linspace(-0.5, 0.5, exposures) if exposures > 1 else np.zeros(1)
    drift = rng.normal(0, TRAIL, (2, n, 1)) * time
    jitter = rng.normal(0, options.jitter, (2, n, exposures))
    x, y = np.stack([radius * np.cos(angle), radius * np.sin(angle)])[..., None] + drift + jitter
    sources.x[rows], sources.y[rows] = x.mean(axis=1), y.mean(axis=1)
    shape = trailed(x, y, sources.psf_sigma[rows], options.size)
    return shape * _amplitude(shape, sources.snr[rows] * sources.sky_noise[rows])


def _amplitude(shape: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the factors (n, 1, 1) that bring the root of the summed squares of each shape to what is wanted."""
    return (wanted / np.sqrt(np.square(shape).sum(axis=(1, 2))))[:, None, None]


def _observe(
    rng: np.random.Generator,
    signal: np.ndarray,
    catalogue: Catalogue,
    rows: slice,
    options: Options,
    truth: _Truth | None = None,
) -> np.ndarray:
    """Add sky noise and artefacts to (n, H, W)."""
    sky_noise, kind = catalogue.sky_noise[rows], catalogue.kind[rows]
    stamps = signal + rng.normal(0, 1, signal.shape) * sky_noise[:, None, None]
    plain = None if truth is None else stamps.copy()
    for number, name in enumerate(KINDS):
        places = np.flatnonzero(kind == number)
        if name != "sky" and len(places):
            stamps[places] = _ARTEFACTS[name](
                rng, stamps[places], sky_noise[places], catalogue.psf_sigma[rows][places], options
            )
    if truth is not None and plain is not None:
        truth.keep(signal, plain, stamps, kind, sky_noise)
    return stamps


# --- artefacts: (n, H, W) stamps get one each ------------------------------------------------------------------------


def _strength(rng: np.random.Generator, sky_noise: np.ndarray, options: Options) -> np.ndarray:
    """Draw how strong artefacts are, as the sources: brightness alone must not tell the class."""
    return sky_noise * np.exp(rng.uniform(np.log(options.snr_min), np.log(options.snr_max), len(sky_noise)))


def _residual(
    rng: np.random.Generator, stamps: np.ndarray, sky_noise: np.ndarray, psf_sigma: np.ndarray, options: Options
) -> np.ndarray:
    n = len(stamps)
    middle = rng.uniform(-options.size / 2, options.size / 2, (2, n, 1))
    length, angle = rng.uniform(3, 15, n), rng.uniform(0, 2 * np.pi, n)
    along = np.stack([np.cos(angle), np.sin(angle)])[..., None] * length[:, None]
    x, y = middle + along * np.linspace(-0.5, 0.5, options.exposures)
    dx, dy = rng.normal(0, 0.3, (2, n, 1))
    too_bright = rng.normal(0, 0.1, (n, 1, 1))
    shape = (1 + too_bright) * trailed(x + dx, y + dy, psf_sigma, options.size)
    shape -= trailed(x, y, psf_sigma, options.size)
    return stamps + shape * _amplitude(shape, _strength(rng, sky_noise, options))


def _cosmic_ray(
    rng: np.random.Generator, stamps: np.ndarray, sky_noise: np.ndarray, psf_sigma: np.ndarray, options: Options
) -> np.ndarray:
    n, size, step = len(stamps), options.size, 0.25  # pixels between points of a track
    start, angle = rng.uniform(0, size, (2, n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    length = 1 + rng.exponential(4, (n, 1))
    along = step * np.arange(4 * size)
    x, y = start + np.stack([np.cos(angle), np.sin(angle)]) * along
    hit = (along < length) & (x >= 0) & (x < size) & (y >= 0) & (y < size)
    which, point = np.nonzero(hit)
    shape = np.zeros_like(stamps)
    np.add.at(shape, (which, y[which, point].astype(int), x[which, point].astype(int)), 1.0)
    return stamps + shape * _amplitude(shape, _strength(rng, sky_noise, options))


def _masked_edge(
    rng: np.random.Generator, stamps: np.ndarray, sky_noise: np.ndarray, psf_sigma: np.ndarray, options: Options
) -> np.ndarray:
    inside = _lines(rng, len(stamps), options.size, options.size // 4, at_edge=True)
    return np.where(inside, np.nan if options.masked == "nan" else 0.0, stamps)


def _bad_row(
    rng: np.random.Generator, stamps: np.ndarray, sky_noise: np.ndarray, psf_sigma: np.ndarray, options: Options
) -> np.ndarray:
    inside = _lines(rng, len(stamps), options.size, 3, at_edge=False)
    sign = rng.choice([-1.0, 1.0], len(stamps))
    return stamps + inside * _amplitude(inside, sign * _strength(rng, sky_noise, options))


def _lines(rng: np.random.Generator, n: int, size: int, widest: int, *, at_edge: bool) -> np.ndarray:
    """Draw 1 to ``widest`` neighbouring rows or columns, at an edge or anywhere: (n, H, W) bool."""
    width = rng.integers(1, widest + 1, n)
    first = rng.integers(0, size - width + 1)
    if at_edge:
        first = np.where(rng.random(n) < 0.5, 0, size - width)
    along = np.arange(size)
    chosen = (along >= first[:, None]) & (along < (first + width)[:, None])
    flat = rng.random(n) < 0.5
    return np.where(flat[:, None, None], chosen[:, :, None], chosen[:, None, :]) & np.ones((size, size), dtype=bool)


_ARTEFACTS = {
    "residual": _residual,
    "cosmic_ray": _cosmic_ray,
    "masked_edge": _masked_edge,
    "bad_row": _bad_row,
}


def _write_catalogue(path: Path, sources: Catalogue, noise: Catalogue) -> None:
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for name, part in (("source", sources), ("noise", noise)):
            for row in range(len(part.object)):
                numbers = (part.snr[row], part.psf_sigma[row], part.x[row], part.y[row], part.sky_noise[row])
                table.writerow(
                    [
                        f"{name}-{row:06d}",
                        name,
                        f"object-{part.object[row]:06d}" if name == "source" else f"{name}-{row:06d}",
                        KINDS[part.kind[row]],
                        *("" if np.isnan(number) else f"{number:.6g}" for number in numbers),
                    ]
                )
