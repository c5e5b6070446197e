import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skybake import files
from skybake.data.dataset import load_dataset
from skybake.data.limit import read_truth
from skybake.mock import efeds as mock
from skybake.mock.efeds import cramer_rao, detection, maps, spectra, universe
from skybake.mock.efeds import halos as population
from skybake.raw import efeds, plain
from skybake.raw.efeds.catalogue import read_catalogue
from skybake.raw.efeds.options import COLUMNS
from skybake.raw.ingest import ingest

feather = pytest.importorskip("pyarrow.feather")
pytest.importorskip("colossus")
ROOT = Path(__file__).parents[3]
N = 300


def paths(folder: Path) -> dict[str, Path]:
    return {key: folder / name for key, name in mock.RAW_FILES.items()}


def simulated(folder: Path, **options) -> tuple[dict, dict]:
    mock.simulate(paths(folder), mock.Options(**options))
    table = feather.read_table(folder / "catalogue.feather")
    return plain.load(folder / "images.pickle"), {name: table[name].to_numpy() for name in table.column_names}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("efeds")


@pytest.fixture(scope="module")
def survey(folder):
    return simulated(folder, n_clusters=N, seed=3)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A survey that was not smoothed, and its expectation."""
    folder = tmp_path_factory.mktemp("counted")
    images, table = simulated(folder, n_clusters=60, seed=4, smoothing=0, expectation=True)
    return images["gsm_3dImgs"], np.load(folder / "expectation.npy"), table


def halos(n: int = 1, **fields) -> population.Halos:
    usual = dict(
        id=1, log10_mass=14.3, redshift=0.3, luminosity=1e44, temperature=4.0, metals=1.0, cusp=0.5, core=0.2, beta=0.65
    )
    usual |= dict(axis_ratio=1.0, angle=0.0)
    return population.Halos(**{name: np.full(n, value) for name, value in (usual | fields).items()})


def views(n: int = 1, **fields) -> population.Views:
    usual = dict(halo=0, realisation=1, exposure=1200.0, column=3.0, background=1.0, dx=0.0, dy=0.0, ra=130.0, dec=0.0)
    return population.Views(**{name: np.full(n, value) for name, value in (usual | fields).items()})


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_raw_files_are_those_of_the_release(survey):
    content, table = survey
    assert list(content) == ["cluster", "gsm_3dImgs"]
    assert content["gsm_3dImgs"].shape == (N, 50, 50, 10)
    assert content["gsm_3dImgs"].dtype == np.float32
    assert content["cluster"] == table["ID_SRC_OUT"].tolist()
    assert len(set(content["cluster"])) == N
    assert {"SRC_ID_IN", "z", "M500c", "kT", "Lx_soft", "R500c_kpc", "EXT_LIKE", "DET_LIKE", "ML_CTS"} <= set(table)
    assert table["M500c"].min() >= 1e13
    assert table["M500c"].max() <= 1e15
    assert table["z"].min() >= 0.01
    assert table["z"].max() <= 1.5
    assert table["EXT_LIKE"].min() >= mock.Options().extent_likelihood


def test_the_reader_takes_them_whole(survey, folder):
    content, table = survey
    ingest(efeds, paths(folder), folder / "dataset.h5", folder / "rejected.csv", efeds.Options(), mock=True)
    data = load_dataset(folder / "dataset.h5")
    assert len(data) == N
    assert data.mock
    assert data.notes["matched_by"] == "id (ID_SRC_OUT)"
    assert data.groups.tolist() == [str(halo) for halo in table["SRC_ID_IN"]]
    assert data.labels["log10_mass"] == pytest.approx(np.log10(table["M500c"]))
    assert (data.images(np.array([5])) == content["gsm_3dImgs"][[5]]).all()
    assert (folder / "rejected.csv").read_text().splitlines() == ["row,id,reason,detail"]


@pytest.mark.parametrize("columns", COLUMNS)
def test_catalogues_of_every_kind(tmp_path, columns):
    simulated(tmp_path, n_clusters=5, columns=columns)
    catalogue = read_catalogue(tmp_path / "catalogue.feather", efeds.Options())
    assert catalogue.columns == columns
    assert catalogue.groups is not None


def test_same_seed_same_bytes_and_no_cache_in_the_home_directory(tmp_path):
    code = (
        "import sys; from pathlib import Path; from skybake.mock import efeds as mock; folder = Path(sys.argv[1]);"
        "mock.simulate({k: folder / v for k, v in mock.RAW_FILES.items()}, mock.Options(n_clusters=30, seed=7))"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {"HOME": str(home), "PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "one")], cwd=ROOT, env=environment, check=True)
    simulated(tmp_path / "two", n_clusters=30, seed=7)
    simulated(tmp_path / "three", n_clusters=30, seed=8)
    one, two, three = (
        {key: files.file_digest(path) for key, path in paths(tmp_path / name).items()}
        for name in ("one", "two", "three")
    )
    assert one == two
    assert not set(one.values()) & set(three.values())
    assert not [path for path in home.rglob("*") if "colossus" in path.name]


def test_expectation_only_when_asked(tmp_path, folder, survey):
    assert not (folder / "expectation.npy").exists()
    raw = paths(tmp_path) | {"expectation": tmp_path / "elsewhere.npy"}
    mock.simulate(raw, mock.Options(n_clusters=3, expectation=True))
    assert np.load(tmp_path / "elsewhere.npy").shape == (3, 50, 50, 10)
    assert not (tmp_path / "expectation.npy").exists()


def test_a_cut_that_nothing_passes_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(mock, "PATIENCE", 2)
    with pytest.raises(ValueError, match=r"0 of 3 clusters detected.*lower the likelihoods"):
        mock.simulate(paths(tmp_path), mock.Options(n_clusters=3, extent_likelihood=1e9))
    assert not (tmp_path / "images.pickle").exists()


# --- the sky ---------------------------------------------------------------------------------------------------------


def test_halos_recur_with_the_same_mass_and_another_image(survey):
    content, table = survey
    halo, first, times = np.unique(table["SRC_ID_IN"], return_index=True, return_counts=True)
    assert 0.25 * N < len(halo) < 0.75 * N  # recurrence 3
    place = np.searchsorted(halo, table["SRC_ID_IN"])
    for name in ("M500c", "z", "kT", "Lx_soft", "b_to_a_500c"):
        assert (table[name] == table[name][first[place]]).all()
    assert len(np.unique(np.column_stack([table["SRC_ID_IN"], table["Nreal"]]), axis=0)) == N
    assert set(table["Nreal"]) == set(range(1, 19))
    twice = np.flatnonzero(table["SRC_ID_IN"] == halo[times.argmax()])[:2]
    one, other = content["gsm_3dImgs"][twice]
    assert (one != other).mean() > 0.5


def test_without_recurrence_every_halo_is_seen_once(tmp_path):
    _, table = simulated(tmp_path, n_clusters=40, recurrence=1)
    assert len(set(table["SRC_ID_IN"])) == 40


def test_the_sample_resembles_efeds(survey):
    """Quantiles within half as much again of Liu et al. 2022 (542 clusters); masses spread as in the simulations."""
    _, table = survey
    assert 0.28 < np.log10(table["M500c"]).std() < 0.40  # 0.351 and 0.361 in the references
    assert np.median(table["ML_CTS"]) == pytest.approx(105, rel=0.5)
    assert np.median(table["z"]) == pytest.approx(0.354, rel=0.5)
    assert np.quantile(table["z"], 0.95) == pytest.approx(0.837, rel=0.5)


def test_counts_tell_more_of_the_mass_than_redshift(survey):
    """Scatter of log10 M at given redshift 0.235 dex, at given counts and redshift 0.156 (reference simulation)."""
    content, table = survey
    y, z = np.log10(table["M500c"]), np.log(table["z"])
    images = content["gsm_3dImgs"].sum(axis=-1)
    corners = images[:, :8, :8].mean(axis=(1, 2)) + images[:, -8:, -8:].mean(axis=(1, 2))
    counts = np.arcsinh((images[:, 19:31, 19:31].sum(axis=(1, 2)) - 72 * corners) / 20)

    def scatter(*features: np.ndarray) -> float:
        design = np.column_stack([np.ones(N), *features])
        return (y - design @ np.linalg.lstsq(design, y)[0]).std()

    of_redshift = scatter(z, z**2, z**3)
    of_counts = scatter(z, z**2, counts, counts**2, z * counts)
    assert of_redshift == pytest.approx(0.235, abs=0.04)
    assert of_counts == pytest.approx(0.156, abs=0.03)


def test_counts_are_poisson_around_the_expectation(counted):
    images, expected, _ = counted
    assert (images == np.round(images)).all()
    away = np.ones((50, 50), bool)
    away[10:40, 10:40] = False  # the detection cut favours clusters with more counts than expected
    excess = (images - expected)[:, away].sum() / np.sqrt(expected[:, away].sum())
    assert abs(excess) < 4
    assert ((images - expected)[:, away] ** 2 / expected[:, away]).mean() == pytest.approx(1, abs=0.02)


def test_smoothing_keeps_the_counts():
    counts = np.zeros((1, 50, 50, 2))
    counts[0, 25, 25, 0], counts[0, 30, 20, 1] = 100, 7
    smooth = maps.smooth(counts, 1.0)
    assert smooth.sum(axis=(0, 1, 2)) == pytest.approx([100, 7], rel=1e-5)
    assert smooth[0, 25, 25, 0] == pytest.approx(100 / (2 * np.pi), rel=0.03)


def test_clusters_stand_in_the_middle(counted):
    _, expected, table = counted
    brightest = table["ML_CTS"].argmax()
    profile = expected[brightest].sum(axis=-1)
    y, x = np.unravel_index(profile.argmax(), profile.shape)
    assert abs(y - 24.5) < 2
    assert abs(x - 24.5) < 2


# --- physics ---------------------------------------------------------------------------------------------------------


def test_number_of_halos_on_the_sky():
    """About 5e-6 halos per (Mpc/h)^3 above M500c = 1.6e14 Msun at z = 0.2, within a factor of two; fewer early on."""
    mass = np.linspace(14.2, 15.5, 131)
    now, early = universe.halo_density(mass, np.array([0.2, 1.2]))
    cosmo = universe.cosmology()
    volume = cosmo.differential_comoving_volume(0.2).to_value("Mpc3 / deg2") / cosmo.h**-3
    assert 2.5e-6 < np.trapezoid(now, mass) / volume < 1e-5
    assert (np.diff(now) < 0).all()
    assert early[80] / early[0] < 0.1 * now[80] / now[0]  # the massive ones come last


def test_r500():
    """1e14 Msun at z = 0.01: 722 kpc, with a critical density of 127 Msun / kpc^3."""
    assert population.r500_kpc(halos(log10_mass=14.0, redshift=0.01))[0] == pytest.approx(722, rel=0.01)


def test_absorption_of_morrison_and_mccammon():
    """2.42e-22 cm2 at 1 keV; oxygen's edge at 0.532 keV."""
    assert spectra.absorption(np.array([1.0]))[0] == pytest.approx(0.0242, rel=0.01)
    assert spectra.absorption(np.array([0.535]))[0] > 1.2 * spectra.absorption(np.array([0.525]))[0]


def test_counts_per_flux():
    """1.2e12 counts/s per erg/s/cm2 in 0.5-2 keV; bands 2 to 7 lie within, bands 1 to 8 (0.455-2.095 keV) around."""
    source = halos(redshift=0.3, temperature=4.0)
    rates = spectra.cluster_rates(source, np.array([3.0]))[0] / population.soft_flux(source)[0]
    assert rates[2:8].sum() < 1.2e12 < rates[1:9].sum()
    assert rates[1:9].sum() < 1.25 * 1.2e12


def test_spectra_follow_temperature_and_absorption():
    cold, hot = (spectra.cluster_rates(halos(temperature=kt), np.array([3.0]))[0] for kt in (1.0, 8.0))
    assert cold[8] / cold[3] < 0.6 * hot[8] / hot[3]
    behind = spectra.cluster_rates(halos(), np.array([10.0]))[0] / spectra.cluster_rates(halos(), np.array([3.0]))[0]
    assert (np.diff(behind) > 0).all()  # the softest band suffers most
    assert behind[0] < 0.6


def test_scaling_relations_and_their_correlated_scatter():
    rng, n = np.random.default_rng(0), 20_000
    gas = population.draw_gas(rng, np.full(n, np.log10(6.35e14)), np.full(n, 0.45), mock.Options())
    luminosity, temperature = np.log10(gas.luminosity), np.log10(gas.temperature)
    assert np.median(luminosity) == pytest.approx(np.log10(4.12e44), abs=0.01)
    assert np.median(temperature) == pytest.approx(np.log10(6.41), abs=0.01)
    assert luminosity.std() == pytest.approx(0.21, rel=0.03)
    assert temperature.std() == pytest.approx(0.07, rel=0.03)
    assert np.corrcoef(luminosity, temperature)[0, 1] == pytest.approx(population.SCATTER_CORRELATION[0, 1], abs=0.03)
    assert np.corrcoef(luminosity, gas.cusp)[0, 1] > 0.3


@pytest.mark.parametrize("axis_ratio", [1.0, 0.6])
def test_light_within_r500_is_one(axis_ratio):
    source = halos(log10_mass=14.5, redshift=0.25, axis_ratio=axis_ratio, angle=0.7)
    image = maps.cluster_maps(source, views())[0]
    radius = np.hypot(*(np.indices((50, 50)) - 24.5)) * maps.PIXEL
    assert image[radius < population.r500_arcsec(source)[0]].sum() == pytest.approx(1, abs=0.06)
    assert image[radius > population.r500_arcsec(source)[0]].sum() > 0.02


def test_offsets_move_the_cluster():
    image = maps.cluster_maps(halos(), views(dx=48.0, dy=-72.0))[0]
    assert np.unravel_index(image.argmax(), image.shape) in {(21, 26), (22, 26), (21, 27), (22, 27)}


def test_background_level():
    """6e-3 counts/s/arcmin2 in 0.5-2 keV over 1200 s and pixels of 0.16 arcmin2: 1.15 counts."""
    sky = maps.sky_counts(views(), mock.Options(), None)[0, 0, 0]
    assert sky[2:8].sum() < 1.15 < sky[1:9].sum() + 0.1  # bands 2-7 lie within 0.5-2 keV, 1-8 reach beyond


def test_point_sources_have_the_flux_of_their_counts():
    """The mean flux per field is that of log N - log S."""
    images = maps.point_source_maps(np.random.default_rng(0), 400)
    faint, edge, bright = 2e-15, 1e-14, 3e-13

    def flux(slope: float, low: float, high: float) -> float:  # integral of S dN, with N(>S) = 100 (S/edge)^-slope
        power = 1 - slope
        return 100 * edge**slope * slope / power * (high**power - low**power)

    beyond = 100 * (bright / edge) ** -1.5 * bright  # clipped
    expected = (flux(0.9, faint, edge) + flux(1.5, edge, bright) + beyond) * (50 * 24 / 3600) ** 2
    assert images.sum(axis=(1, 2)).mean() == pytest.approx(expected, rel=0.1)


def test_half_of_a_points_light_lies_within_15_arcsec():
    """A King profile holds 1 - (1 + (r / core)^2)^-0.5 of its light within r."""
    point = np.fft.irfft2(maps.psf_window(360, 2.0))
    grid = np.minimum(np.arange(360), 360 - np.arange(360)) * 2.0
    radius = np.hypot(grid[:, None], grid)
    for within in (15.0, 60.0):
        expected = 1 - (1 + (within / maps.PSF_CORE) ** 2) ** -0.5
        assert point[radius < within].sum() == pytest.approx(expected, abs=0.03)
    assert point.sum() == pytest.approx(1)


def test_detection_needs_extent():
    rng = np.random.default_rng(0)
    sky = np.full((50, len(detection.source_templates()[0])), 0.17)
    point, extended = detection.source_templates()[[0, 3]]
    for template, is_extended in ((point, False), (extended, True)):
        found = detection.likelihoods_of_models(rng.poisson(sky + 300 * template), sky)
        assert (found["DET_LIKE"] > 20).all()
        assert np.mean(found["EXT_LIKE"] > 6) == pytest.approx(float(is_extended), abs=0.05)
    assert np.median(found["ML_CTS"]) == pytest.approx(300, rel=0.1)
    empty = detection.likelihoods_of_models(rng.poisson(sky), sky)
    assert np.mean(empty["DET_LIKE"] > 5) < 0.1


def test_a_detection_sees_the_photons_of_the_middle_where_they_fell():
    rng = np.random.default_rng(0)
    counts, sky = np.zeros((2, 50, 50), int), np.full((2, 50, 50), 1e-9)
    cluster = np.zeros((2, 150, 150))
    counts[:, 25, 25], counts[:, 0, 0] = 500, 7  # a corner is not looked at
    cluster[0, 75, 75], cluster[1, 75:78, 75:78] = 1, 1
    placed, _ = detection.photons_within(rng, counts, cluster, sky)
    assert placed.sum(axis=1).tolist() == [500, 500]
    assert placed[0].max() > 490  # all on one small pixel
    assert np.sort(placed[1])[-9:] == pytest.approx(500 / 9, abs=30)  # even over nine


def test_the_sample_is_no_more_extended_than_efeds(survey):
    """Of 477 real clusters (Liu et al. 2022, A&A 661, A2; Klein et al. 2022, A&A 661, A4) the median EXT_LIKE is 17."""
    extent, detection_likelihood = survey[1]["EXT_LIKE"], survey[1]["DET_LIKE"]
    assert np.median(extent) == pytest.approx(17, abs=5)
    assert np.quantile(extent, 0.84) < 90  # 45 there
    assert np.median(detection_likelihood) == pytest.approx(47, abs=15)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """What was drawn of sixteen images, in the order of the catalogue."""
    folder = tmp_path_factory.mktemp("truth")
    mock.simulate({**paths(folder), "truth": folder / "truth.npz"}, mock.Options(n_clusters=16, seed=5))
    table = feather.read_table(folder / "catalogue.feather")
    return read_truth(folder / "truth.npz", [str(name) for name in table["ID_SRC_OUT"].to_numpy()]), table


def test_truth_is_of_the_images_in_their_order(truth):
    drawn, table = truth
    for name, column in {"halo/log10_mass": "M500c", "halo/temperature": "kT", "view/exposure": "ML_EXP"}.items():
        expected = np.log10(table[column].to_numpy()) if column == "M500c" else table[column].to_numpy()
        assert drawn[name] == pytest.approx(expected)
    assert drawn["points"].shape == (16, 50, 50)


def test_limit_lies_where_it_was_measured(truth):
    """0.100 dex with point sources known, 0.111 to 0.116 without, of many images; these are few."""
    unknown, known = (line.values for line in mock.limit(mock.Options(), truth[0]))
    assert (known < unknown).all()
    assert np.sqrt(np.mean(known**2)) == pytest.approx(0.100, abs=0.012)
    assert np.sqrt(np.mean(unknown**2)) == pytest.approx(0.114, abs=0.015)


def test_less_light_tells_less_and_none_leaves_the_prior(truth):
    drawn = {name: values[:3] for name, values in truth[0].items()}

    def known(exposure: float) -> np.ndarray:
        (line,) = mock.limit(mock.Options(point_sources=False), drawn | {"view/exposure": np.full(3, exposure)})
        return line.values

    assert (known(1200.0) < known(300.0)).all()
    mass, redshift = drawn["halo/log10_mass"], drawn["halo/redshift"]
    # The parabola of the mass function alone; d2 ln n / dlnM2 of Tinker et al. (2008) bends it there.
    prior = [cramer_rao.mass_precision(*one) ** -0.5 for one in zip(mass, redshift, strict=True)]
    assert known(1e-6) == pytest.approx(np.array(prior), rel=1e-2)
