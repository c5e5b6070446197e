"""The mock SDSS: frames as the archive's, and a catalogue that says where the light is."""

import bz2
import csv
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import mad_std
from astropy.wcs import WCS, FITSFixedWarning

from skybake.data.dataset import load_dataset as load
from skybake.data.limit import read_truth
from skybake.missing import MAGIC
from skybake.mock import sdss
from skybake.mock.sdss import frames as drawn_frames
from skybake.mock.sdss import galaxies as drawn_galaxies
from skybake.mock.sdss import posterior
from skybake.raw import sdss as reader
from skybake.raw.ingest import ingest

SHARED = Path(os.environ.get("SKYBAKE_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
BANDS = "ugriz"


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the real data {name} is missing from {SHARED.name}/")
    return path


def simulate(folder, threads=1, **options):
    raw = {key: folder / name for key, name in sdss.RAW_FILES.items()}
    sdss.simulate({**raw, "truth": folder / "truth.npz"}, sdss.Options(compress=1, **options), threads=threads)
    return raw


def catalogue(raw, name="catalogue.csv"):
    with (raw["catalogue"].parent / name).open() as stream:
        return list(csv.DictReader(stream))


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def world(cards):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        return WCS(cards)


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    """One field of 12 lone galaxies: its catalogue, and band -> HDUs."""
    raw = simulate(
        tmp_path_factory.mktemp("field"),
        n_objects=12,
        objects_per_field=12,
        stars_per_field=0,
        neighbours_per_field=0,
        traps=0,
        seed=3,
    )
    folder = raw["frames"] / "301" / "1000" / "1"
    frames = {}
    for band in BANDS:
        with fits.open(folder / f"frame-{band}-001000-1-0011.fits.bz2", lazy_load_hdus=False) as hdus:
            frames[band] = [(hdu.header.copy(), np.array(hdu.data)) for hdu in hdus]
    return catalogue(raw), frames


TRAPPED = {"n_objects": 3, "objects_per_field": 3, "stars_per_field": 3, "neighbours_per_field": 2, "seed": 5}


@pytest.fixture(scope="module")
def trapped(tmp_path_factory):
    """Three galaxies and one trap of each kind, in three fields drawn by two processes."""
    return simulate(tmp_path_factory.mktemp("trapped"), threads=2, **TRAPPED)


def test_layout_and_cards(field):
    _, frames = field
    for band, hdus in frames.items():
        cards, image = hdus[0]
        assert image.shape == (1489, 2048)
        assert image.dtype == np.dtype(">f4")
        named = {name: cards[name] for name in ("RUN", "CAMCOL", "FILTER", "RERUN", "BUNIT", "CTYPE1", "CTYPE2")}
        assert named == {
            "RUN": 1000,
            "CAMCOL": 1,
            "FILTER": band,
            "RERUN": "301",
            "BUNIT": "nanomaggy",
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
        }
        assert cards["NMGY"] > 0
        assert "not an observation" in str(cards["HISTORY"])
        assert "DATE" not in cards  # the day of writing would change the bytes
        assert hdus[1][1].shape == (2048,)


def test_hdus_are_the_archives(field):
    path = shared("sdss_frames_4510/frame-r-004510-4-0030.fits.bz2")
    with fits.open(path) as real:
        ours = field[1]["r"]
        assert len(ours) == len(real)
        for (_, data), hdu in zip(ours[1:], real[1:], strict=True):
            assert data.dtype == np.asarray(hdu.data).dtype
            assert data.shape == hdu.data.shape
        assert set(ours[0][0]) <= set(real[0].header)  # no card that the archive has not


def pixels(rows, cards):
    return world(cards).wcs_world2pix([[float(row["ra"]), float(row["dec"])] for row in rows], 0)


def test_every_band_has_the_object_where_its_own_wcs_says(field):
    rows, frames = field
    for band, (threshold, least) in {"u": (3, 2), "g": (5, 8), "r": (5, 8), "i": (5, 8), "z": (3, 5)}.items():
        cards, image = frames[band][0]
        noise = mad_std(image)
        misses = []
        for column, row in pixels(rows, cards):
            x, y = int(column + 0.5), int(row + 0.5)
            window = image[y - 6 : y + 7, x - 6 : x + 7].astype(float)
            if window.max() > 5 * threshold * noise:
                weight = np.maximum(window - threshold * noise, 0)
                centre = np.array([weight.sum(0), weight.sum(1)]) @ np.arange(-6, 7) / weight.sum()
                misses.append(np.hypot(*(centre - (column - x, row - y))))
        assert len(misses) >= least
        assert np.median(misses) < 0.2
        assert max(misses) < 0.6
    shift = pixels(rows, frames["g"][0][0]) - pixels(rows, frames["r"][0][0])
    assert np.hypot(*shift.T).min() > 3  # bands are off by several pixels
    assert np.ptp(shift, axis=0).max() > 0.01  # and turned against each other


def test_flux_in_an_aperture_is_that_of_the_catalogue(field):
    rows, frames = field
    y, x = np.mgrid[:1489, :2048]
    for band in "gri":
        cards, image = frames[band][0]
        bright = [row for row in rows if float(row[f"cModelMag_{band}"]) < 18.5]
        offsets = []
        for row, (column, line) in zip(bright, pixels(bright, cards), strict=True):
            flux = image[np.hypot(x - column, y - line) < 30].sum(dtype=float)
            offsets.append(22.5 - 2.5 * np.log10(flux) - float(row[f"cModelMag_{band}"]))
        assert len(bright) >= 6
        # The aperture of 12 arcsec misses a few per cent of a de Vaucouleurs profile; cModel scatters by 0.03 mag.
        assert abs(np.median(offsets)) < 0.1
        assert np.abs(offsets).max() < 0.4


def test_drawn_flux_is_the_galaxys():
    rng = np.random.default_rng(0)
    pointing = sdss._pointing(rng, 0, sdss.Options())
    galaxies = drawn_galaxies.sample(rng, 1, drawn_galaxies.Limits(14.4, 14.6))
    sky = sdss._sky(pointing, np.array([[1000.2, 700.7]]))
    image, _ = drawn_frames.draw(rng, pointing, 2, galaxies, sky, np.empty((0, 5)), np.empty((0, 2)))
    y, x = np.mgrid[:1489, :2048]
    flux = image[np.hypot(x - 1000.2, y - 700.7) < 250].sum(dtype=float)
    noise = 0.025 * np.sqrt(np.pi) * 250
    assert flux == pytest.approx(galaxies.flux[0, 2], abs=3 * noise + 0.005 * flux)


def test_noise_is_as_measured_on_real_frames(field):
    for band, noise in zip(BANDS, (0.043, 0.016, 0.025, 0.040, 0.165), strict=True):
        image = field[1][band][0][1]
        assert mad_std(image) == pytest.approx(noise, rel=0.03)
        assert abs(np.median(image)) < 0.1 * noise


def test_pixels_are_whole_counts_less_the_sky(field):
    for band in BANDS:
        image, (_, scale), (_, table) = field[1][band][0][1], field[1][band][1], field[1][band][2]
        rows = np.arange(1489)
        sky = np.interp(table["YINTERP"][0], np.arange(192), table["ALLSKY"][0][:, 0].astype(float))
        counts = image[rows] / scale + sky[:, None]
        faint = np.abs(image) < 16 * scale  # ten binary digits resolve less than 1 / 50 of a count there
        assert np.abs(counts - np.rint(counts))[faint].max() < 0.05


def test_same_bytes_in_this_process_and_in_others(trapped, tmp_path):
    options = sdss.Options(compress=1, **TRAPPED)
    rows = sdss._field(sdss.plan(options)[0], options=options, frames=tmp_path)
    folder = trapped["frames"] / "301" / "1000" / "1"
    alone = digests(tmp_path / "301" / "1000" / "1")
    assert len(alone) == 5
    assert alone == {name: digest for name, digest in digests(folder).items() if "-0011." in name}
    listed = [{name: str(value) for name, value in row.items() if name not in ("trap", "detail")} for row in rows]
    assert listed == catalogue(trapped)[: len(rows)]


def test_nothing_half_written_is_left(trapped):
    names = [path.name for path in trapped["frames"].rglob("*") if path.is_file()]
    assert len(names) == 3 * 5 - 1
    assert all(name.startswith("frame-") for name in names)


def test_seed_changes_the_sky(trapped):
    options = sdss.Options(n_objects=3, seed=6)
    other = sdss._sample(np.random.default_rng([options.seed, 0]), 3, 0.2)
    assert f"{other.redshift[0]:.3f}" != catalogue(trapped)[0]["redshift"][:5]


def test_traps_are_planted_and_listed(trapped):
    raw = trapped
    rows, traps = catalogue(raw), catalogue(raw, "traps.csv")
    assert len(rows) == 3 + len(sdss.IN_FIELD + sdss.OF_FIELD)
    kinds = {trap["kind"]: rows[int(trap["row"])] for trap in traps}
    assert set(kinds) == set(sdss.IN_FIELD + sdss.OF_FIELD)
    assert all(trap["objID"] == rows[int(trap["row"])]["objID"] for trap in traps)
    assert kinds["rounded objID"]["objID"] == "1.23765E+18"
    assert kinds["missing magnitude"]["cModelMag_u"] == "-9999"
    repeated = [row for row in rows if row["objID"] == kinds["repeated spectrum"]["objID"]]
    assert len(repeated) == 2
    assert repeated[0]["redshift"] != repeated[1]["redshift"]
    cut = kinds["truncated frame"]
    path = raw["frames"] / f"301/1000/1/frame-i-001000-1-{int(cut['field']):04d}.fits.bz2"
    with pytest.raises(ValueError, match="end-of-stream"):
        bz2.decompress(path.read_bytes())


def test_reader_accounts_for_every_row(trapped, tmp_path):
    raw = trapped
    ingest(reader, raw, tmp_path / "d.h5", tmp_path / "rejected.csv", reader.Options(), mock=True)
    dataset = load(tmp_path / "d.h5")
    with (tmp_path / "rejected.csv").open() as stream:
        rejected = {int(row["row"]) for row in csv.DictReader(stream)}
    usable = {"missing magnitude", "near the edge"}
    assert rejected == {int(trap["row"]) for trap in catalogue(raw, "traps.csv") if trap["kind"] not in usable}
    assert len(dataset) == 3 + len(usable)
    truth = read_truth(raw["catalogue"].with_name("truth.npz"), dataset.ids)
    assert truth["redshift"] == pytest.approx(dataset.labels["redshift"], abs=2e-4)  # of two spectra the last is kept
    missing = (truth["magnitude"] == MAGIC).sum(axis=0)
    assert missing.tolist() == [1, 0, 0, 0, 0]


def test_plan_shares_out_galaxies_and_traps():
    plans = sdss.plan(sdss.Options(n_objects=105, objects_per_field=50, traps=2))
    assert [plan.good for plan in plans] == [50, 50, 5, 0, 0, 0, 0]
    planted = sorted(kind for plan in plans for kind in plan.traps)
    assert planted == sorted(2 * (sdss.IN_FIELD + sdss.OF_FIELD))
    assert not any(plan.traps for plan in sdss.plan(sdss.Options(n_objects=105, traps=0)))


def test_object_ids_have_the_real_layout(field):
    for number, row in enumerate(field[0]):
        value = int(row["objID"])
        assert value >> 59 == 2
        assert value >> 48 & 0x7FF == int(row["rerun"])
        assert value >> 32 & 0xFFFF == int(row["run"])
        assert value >> 29 & 7 == int(row["camcol"])
        assert value >> 16 & 0xFFF == int(row["field"])
        assert value & 0xFFFF == 11 + number


def test_object_ids_equal_real_ones():
    with fits.open(shared("sdss_catalogs/photoObj-003900-6-0269.fits")) as hdus:
        row = hdus[1].data[100]
        made = sdss.object_id(*(int(row[name]) for name in ("RUN", "CAMCOL", "FIELD", "ID", "RERUN")))
        assert made == int(row["OBJID"])


def test_bleeding_keeps_the_charge():
    image = np.full((40, 3), 1.0)
    image[20, 1], image[1, 2] = 501.0, 301.0  # one in the middle, one near the end of its column
    total = image.sum()
    level = 100.0
    drawn_frames.bleed(image, level)
    assert image.max() == level
    assert image.sum() == pytest.approx(total)
    assert (image[18:23, 1] == level).all()  # alike on both sides
    assert (image[:, 0] == 1).all()


def test_saturated_star_has_a_plateau():
    pointing = sdss._pointing(np.random.default_rng(0), 0, sdss.Options())
    star = 10 ** (-0.4 * (np.full((1, 5), 11.0) - 22.5))
    nobody = drawn_galaxies.sample(np.random.default_rng(0), 0, drawn_galaxies.MAIN)
    sky = sdss._sky(pointing, np.array([[1000.0, 700.0]]))
    image, cards = drawn_frames.draw(np.random.default_rng(1), pointing, 2, nobody, np.empty((0, 2)), star, sky)
    full = image > 0.985 * drawn_frames.FULL_WELL * cards["NMGY"]
    rows, columns = np.nonzero(full)
    assert full.sum() > 50
    assert np.ptp(rows) > 2 * np.ptp(columns)  # charge flows along columns
    assert abs(rows.mean() - 700) < 1
    assert abs(columns.mean() - 1000) < 1


def test_compressible_keeps_ten_digits():
    image = np.random.default_rng(0).normal(0, 1, 1000).astype(np.float32)
    rounded = drawn_frames.compressible(image)
    assert np.abs(rounded / image - 1).max() <= 2.0**-drawn_frames.KEPT_BITS
    assert not (rounded.view(np.uint32) & (1 << (24 - drawn_frames.KEPT_BITS)) - 1).any()


def test_colours_are_those_of_the_redshifted_spectra():
    import galsim

    wavelength, spectrum = np.loadtxt(Path(galsim.meta_data.share_dir) / "SEDs" / "CWW_Sbc_ext.sed").T
    fine = np.arange(2000.0, 12000.0, 0.5)

    def flux(z, band):  # photons against those of a flat f_nu: Hogg et al. (2002), eq. 8
        start, text = drawn_galaxies.RESPONSE[band]
        values = np.array(text.split(), dtype=float)
        response = np.interp(fine, start + 100.0 * np.arange(len(values)), values, left=0, right=0)
        light = np.interp(fine / (1 + z), wavelength, spectrum) / (1 + z)
        return (light * response * fine).sum() / (response / fine).sum()

    redshift, grid = drawn_galaxies.redshifted_colours()
    for row in (0, 10, 35):
        expected = [flux(redshift[row], band) / flux(0, "r") for band in BANDS]
        np.testing.assert_allclose(grid[row, 1], expected, rtol=3e-3)


def test_bands_have_the_published_effective_wavelengths():
    effective = [10 * band.effective_wavelength for band in drawn_galaxies.bandpasses()]
    np.testing.assert_allclose(effective, drawn_galaxies.WAVELENGTH, rtol=0.005)


def test_samples_keep_to_their_limits():
    rng = np.random.default_rng(0)
    for limits in (drawn_galaxies.MAIN, drawn_galaxies.LUMINOUS_RED):
        galaxies = drawn_galaxies.sample(rng, 300, limits)
        magnitude = 22.5 - 2.5 * np.log10(galaxies.flux[:, 2])
        assert len(galaxies) == 300
        assert limits.bright < magnitude.min() < magnitude.max() < limits.faint
        assert limits.redshift_min <= galaxies.redshift.min() < galaxies.redshift.max() <= 0.4
        assert (galaxies.disc > 0).any() != limits.early_only


def test_redshift_is_learnable_from_magnitudes_but_not_known():
    from sklearn.neighbors import KNeighborsRegressor

    rng = np.random.default_rng(1)
    galaxies = sdss._sample(rng, 3000, 0.2)
    magnitude, error = sdss._measured(rng, galaxies, 1.0)
    inputs = np.c_[magnitude[:, 2], magnitude[:, :4] - magnitude[:, 1:]]
    fit = KNeighborsRegressor(10).fit(inputs[:2500], galaxies.redshift[:2500])
    miss = (fit.predict(inputs[2500:]) - galaxies.redshift[2500:]) / (1 + galaxies.redshift[2500:])
    assert 0.012 < mad_std(miss) < 0.03
    assert np.median(error[:, 0]) > 5 * np.median(error[:, 2])  # u is the shallow band


def test_red_sequence_is_that_of_real_galaxies():
    early = drawn_galaxies.sample(np.random.default_rng(2), 4000, drawn_galaxies.LUMINOUS_RED)
    colour = 2.5 * np.log10(early.flux[:, 2] / early.flux[:, 1])
    near = (early.redshift > 0.18) & (early.redshift < 0.22)
    assert 1.2 < np.median(colour[near]) < 1.5  # luminous red galaxies of SDSS: near 1.35
    assert np.corrcoef(early.redshift, colour)[0, 1] > 0.9


def test_asinh_magnitudes():
    flux = np.full((1, 5), 100.0)
    np.testing.assert_allclose(sdss.asinh_magnitude(flux), 17.5, atol=1e-3)
    assert np.isfinite(sdss.asinh_magnitude(-flux)).all()


def test_options_refuse_a_field_too_full():
    with pytest.raises(ValueError, match="less than or equal to 150"):
        sdss.Options(objects_per_field=151)


def test_posterior_leaves_what_the_errors_do():
    """Fluxes that grow with the redshift: its error is that of the flux over the slope, or over a root of the bands."""
    redshift = np.linspace(0.0, 0.4, 40_001)
    library = 100 * np.repeat(redshift[:, None], 5, axis=1)
    measured, no_scatter = np.full((3, 5), 20.0), np.zeros(5)
    measured[1, 1:] = np.nan
    best, left = posterior.estimates(
        measured, np.array([[1.0] * 5, [1.0] * 5, [0.5] * 5]), no_scatter, library, redshift
    )
    assert best == pytest.approx(np.full(3, 0.2), abs=1e-3)
    assert left == pytest.approx(np.array([1 / np.sqrt(5), 1, 0.5 / np.sqrt(5)]) * 0.01 / 1.2, rel=0.02)
    _, scattered = posterior.estimates(measured[:1], np.full((1, 5), 1e-3), np.full(5, 0.1), library, redshift)
    assert scattered == pytest.approx(0.1 * np.log(10) / 2.5 * 0.2 / np.sqrt(5) / 1.2, rel=0.05)


def test_fluxes_come_back_from_magnitudes():
    """A missing one is left out."""
    magnitude = np.array([[MAGIC, 20.0, 24.9, 18.0, 17.0]])
    flux, _ = sdss._fluxes(magnitude, np.full((1, 5), 0.1))
    assert np.isnan(flux[0, 0])
    assert sdss.asinh_magnitude(flux[0])[1:] == pytest.approx(magnitude[0, 1:])
