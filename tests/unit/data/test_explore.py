import csv
import re
import tracemalloc

import numpy as np
import pytest
from matplotlib.figure import Figure

from skybake import figures, plugins
from skybake.data import exploration, pixels
from skybake.data.columns import Column, DatasetError, Schema
from skybake.data.rejections import Rejection, write_rejected
from skybake.data.writer import create_dataset
from skybake.figures import _style, colour_composites
from skybake.missing import MAGIC
from skybake.raw.sdss.columns import scalar_column
from skybake.report import exploring

PARTS = {
    name: part for name, part in plugins.in_room("figures", "draw").items() if part.constants["SCOPE"] == "explore"
}
UGRIZ = ("u", "g", "r", "i", "z")
ENERGIES = tuple(f"{0.2 * k + 0.2:.1f}-{0.2 * k + 0.4:.1f} keV" for k in range(10))
NOISE = 0.05


def stars(n, size, shift, seed=0, width=1.5):
    """Return images (n, size, size) of sources of flux 1 that stand ``shift`` = (x, y) from the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    profile = np.exp(-0.5 * ((x - shift[0]) ** 2 + (y - shift[1]) ** 2) / width**2)
    return np.repeat((profile / profile.sum())[None], n, axis=0)


def write(
    folder,
    *,
    n=40,
    size=32,
    bands=UGRIZ,
    shift=(0.0, 0.0),
    factor=1.0,
    mock=True,
    units="nanomaggy",
    magnitude=18.0,
    missing=(),
    padded=(),
    rejections=(("no position", 2), ("label missing", 3)),
    noise=NOISE,
    seed=0,
    classes=(),
):
    """Write sources of catalogued magnitudes with white noise; ``factor`` on the light makes the units wrong."""
    rng = np.random.default_rng(seed)
    magnitudes = magnitude + rng.uniform(0, 1, (n, len(bands)))
    image = stars(n, size, shift)[..., None] * 10 ** (0.4 * (22.5 - magnitudes))[:, None, None, :]
    image = factor * (image + rng.normal(0, noise, image.shape)) if noise else image
    share = np.zeros(n)
    for row in padded:
        image[row, :, :8], share[row] = 0, 0.25
    name, column = "redshift", Column("", "test label", "redshift", outlier=0.05)
    label = rng.uniform(0, 0.4, n)
    if classes:
        name, column, label = "kind", Column("", "test class", classes=classes), np.arange(n) % len(classes) * 1.0
    label[list(missing)] = MAGIC
    scalars = {f"cModelMag_{band}": magnitudes[:, k] for k, band in enumerate(bands)} if len(bands) == 5 else {}
    scalars["padded_fraction"] = share
    schema = Schema(
        survey="sdss",
        task="classification" if classes else "regression",
        bands=bands,
        image=Column(units, "test images"),
        labels={name: column},
        scalars={name: scalar_column(name, "test scalar") for name in scalars}
        | {"padded_fraction": Column("", "test scalar", "padded_fraction")},
        raw={"catalogue.csv": "0" * 64},
        mock=mock,
        notes={"centring": "resampled"},
    )
    with create_dataset(folder / "dataset.h5", schema) as writer:
        writer.append(
            image=image,
            id=[f"object-{row}" for row in range(n)],
            group=[f"field-{row // 3}" for row in range(n)],
            labels={name: label},
            scalars=scalars,
        )
    reasons = [reason for reason, times in rejections for _ in range(times)]
    write_rejected(folder / "rejected.csv", [Rejection(row, str(row), reason) for row, reason in enumerate(reasons)])
    return image


def look(folder, **options):
    folder.mkdir(exist_ok=True)
    write(folder, **options)
    return exploration.explore("galaxies", folder / "dataset.h5", folder / "rejected.csv")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return look(tmp_path_factory.mktemp("seen"), missing=[3, 4], padded=[7])


def texts(figure: Figure) -> str:
    return " | ".join(item.get_text() for item in figure.findobj(lambda item: hasattr(item, "get_text")))


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_images_are_those_of_all_objects_whatever_the_blocks(tmp_path, monkeypatch):
    image = write(tmp_path, n=150).astype(np.float32).astype(float)
    for block in (64, 37, 1000):
        monkeypatch.setattr(exploration, "BLOCK", block)
        found = exploration.explore("d", tmp_path / "dataset.h5", tmp_path / "rejected.csv").images
        np.testing.assert_allclose(found.mean, image.mean(axis=0), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.std, image.std(axis=0), rtol=1e-5)
        np.testing.assert_array_equal(found.maximum, image.max(axis=0))


def test_memory_does_not_grow_with_the_images(tmp_path, monkeypatch):
    monkeypatch.setattr(exploration, "BLOCK", 64)
    monkeypatch.setattr(pixels, "SAMPLE_PIXELS", 2**14)
    peaks = []
    for n in (192, 768):
        folder = tmp_path / str(n)
        folder.mkdir()
        write(folder, n=n)
        tracemalloc.start()
        exploration.explore("d", folder / "dataset.h5", folder / "rejected.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 0.6 * 768 * 32 * 32 * 5 * 4  # less than the images


def test_noise_level_and_light_of_known_sources(tmp_path):
    data = look(tmp_path, n=60)
    for band in exploration.bands(data):
        assert 1 < band.noise / NOISE < 1.15  # the source is in it
        assert band.border_noise == pytest.approx(NOISE, rel=0.05)
        assert band.level == pytest.approx(0, abs=0.005)
        assert band.located == 60
        assert band.magnitude == pytest.approx(0, abs=0.02)
        assert not band.other_units


def test_border_is_the_outer_eighth_and_the_aperture_is_round():
    border = exploration.border_pixels((32, 32))
    assert border.sum() == 32**2 - 24**2
    assert border[:4].all()
    assert not border[4:-4, 4:-4].any()
    inside = exploration.aperture((32, 32))
    assert inside.sum() == pytest.approx(np.pi * 9.6**2, rel=0.03)
    np.testing.assert_array_equal(inside, inside[::-1].T)
    assert exploration.border_pixels((5, 5)).sum() == 16


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.3), (-2.0, 1.5), (4.0, 4.0)])
@pytest.mark.parametrize("width", [0.5, 1.5, 3.0, 5.0])
def test_the_middle_of_the_light_is_found(shift, width):
    cubes = stars(1, 32, shift, width=width)[:, None] * 1000
    found = exploration.locate(cubes, np.full((1, 1), 0.05))[0, 0]
    np.testing.assert_allclose(found, shift, atol=0.05 if width < 2 else 0.35)


def test_the_middle_of_an_odd_image_is_a_pixel():
    cubes = np.zeros((1, 1, 21, 21))
    cubes[0, 0, 10, 10] = 50
    np.testing.assert_allclose(exploration.locate(cubes, np.full((1, 1), 0.1)), 0, atol=1e-9)


def test_noise_and_light_elsewhere_are_not_located():
    rng = np.random.default_rng(0)
    white = rng.normal(0, 1, (200, 1, 32, 32))
    smooth = sum(np.roll(white, (i, j), axis=(2, 3)) for i in range(3) for j in range(3))
    for noise in (white, smooth):
        spread = np.full((200, 1), np.std(noise))
        assert np.isfinite(exploration.locate(noise, spread)[..., 0]).sum() <= 2
    far = stars(1, 32, (13.0, 0.0))[:, None] * 1000
    assert np.isnan(exploration.locate(far, np.full((1, 1), 0.05))).all()
    assert np.isnan(exploration.locate(np.zeros((1, 1, 32, 32)), np.zeros((1, 1)))).all()


@pytest.mark.parametrize(("shift", "wrong"), [((0.0, 0.0), False), ((1.0, 0.0), True), ((0.0, -3.0), True)])
def test_a_shift_of_all_objects_is_told(shift, wrong, tmp_path):
    bands = exploration.bands(look(tmp_path, shift=shift))
    assert [band.off_centre for band in bands] == [wrong] * 5
    for band in bands:
        assert (band.dx, band.dy) == (pytest.approx(shift[0], abs=0.05), pytest.approx(shift[1], abs=0.05))
        assert band.within == (0.0 if shift[1] else pytest.approx(1, abs=1 if wrong else 0))


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_other_units_are_told(factor, tmp_path):
    bands = exploration.bands(look(tmp_path, factor=factor))
    assert all(band.other_units for band in bands)
    assert bands[0].magnitude == pytest.approx(-2.5 * np.log10(factor), abs=0.05)
    assert not any(band.off_centre for band in bands)


def test_few_objects_are_not_judged(tmp_path):
    bands = exploration.bands(look(tmp_path, n=3, shift=(2.0, 0.0), factor=100.0))
    assert [band.located for band in bands] == [3] * 5
    assert not any(band.off_centre or band.other_units for band in bands)


def test_only_pixels_in_nanomaggies_are_compared_with_magnitudes(tmp_path):
    assert {band.magnitude for band in exploration.bands(look(tmp_path, units="counts"))} == {None}


def test_magnitudes_are_found_by_name_and_units(seen):
    found = exploration.magnitudes(seen.file)
    assert set(found) == set(UGRIZ)
    np.testing.assert_array_equal(found["r"], seen.file.scalars["cModelMag_r"])


def test_objects_with_padded_pixels_are_not_measured(seen):
    for values in (seen.measured.noise, seen.measured.light, seen.measured.offset):
        assert np.isnan(values[7]).all()
        assert np.isfinite(np.delete(values, 7, axis=0)).all()


def test_missing_values_are_counted(seen):
    rows = {row.name: row for row in exploration.column_facts(seen.file)}
    assert next(iter(rows)) == "redshift"
    assert rows["redshift"].missing == 2
    assert rows["redshift"].low >= 0
    assert rows["cModelMag_u"].missing == 0
    assert rows["cModelMag_u"].units == "mag"


def test_examples_are_spread_over_the_label(seen, tmp_path):
    examples = seen.examples
    assert len(examples.rows) == len(set(examples.rows)) == exploration.EXAMPLES
    assert (np.diff(examples.labels) >= 0).all()
    assert not {3, 4} & set(examples.rows)
    known = np.sort(np.delete(seen.file.labels["redshift"], [3, 4]))
    assert examples.labels[0] in known[:2]
    assert examples.labels[-1] in known[-2:]
    np.testing.assert_array_equal(examples.images, seen.file.images(examples.rows))
    few = look(tmp_path / "few", n=4).examples
    assert len(few.rows) == 4
    none = look(tmp_path / "none", n=4, missing=range(4)).examples
    assert list(none.rows) == [0, 1, 2, 3]
    assert np.isnan(none.labels).all()


def test_rejected_rows_are_counted_by_reason(seen):
    assert list(seen.rejected.items()) == [("label missing", 3), ("no position", 2)]


def test_a_bad_rejected_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.csv: no such file"):
        exploration.rejected_reasons(tmp_path / "gone.csv")
    with (tmp_path / "other.csv").open("w", newline="") as stream:
        csv.writer(stream).writerow(["row", "id"])
    with pytest.raises(DatasetError, match=r"other\.csv: columns \['row', 'id'\] found, expected 'reason'"):
        exploration.rejected_reasons(tmp_path / "other.csv")


def test_group_sizes(seen):
    assert list(exploration.group_sizes(seen.file)) == [3] * 13 + [1]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (UGRIZ, (UGRIZ, "")),
        (("0.2-0.4 keV", "0.4-0.6 keV"), (("0.2-0.4", "0.4-0.6"), "keV")),
        (("band 1", "band 2"), (("band 1", "band 2"), "")),
        (("1 keV", "soft"), (("1 keV", "soft"), "")),
    ],
)
def test_units_that_all_bands_share_are_said_once(names, expected):
    assert exploration.short_names(names) == expected


# --- figures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen_classes(tmp_path_factory):
    return look(tmp_path_factory.mktemp("classes"), classes=("late", "early", "none of both"))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_contract(name, seen, seen_classes):
    part = PARTS[name]
    assert "classification" in part.constants["TASKS"]
    assert set(part.constants["TASKS"]) <= {"regression", "classification"}
    assert part.constants["TITLE"]
    assert part.constants["CAPTION"].endswith(".")
    figure = part.load().draw(seen if "regression" in part.constants["TASKS"] else seen_classes)
    assert isinstance(figure, Figure)
    assert "galaxies" in texts(figure)
    assert "mock data: simulated objects" in texts(figure)


def test_every_figure_has_its_place_on_the_page():
    assert {name for names in exploring.SECTIONS.values() for name in names} == set(PARTS)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_the_same_figure_is_the_same_bytes(name, tmp_path):
    data = look(tmp_path / "data", n=12, bands=("g", "r", "i"))
    for folder in ("first", "second"):
        figures.draw(name, data, tmp_path / folder)
    for suffix in (".pdf", ".png"):
        first, second = ((tmp_path / folder / name).with_suffix(suffix).read_bytes() for folder in ("first", "second"))
        assert first == second
        assert b"CreationDate" not in first


@pytest.mark.parametrize(
    "options",
    [
        {"bands": ENERGIES, "size": 50, "units": "counts", "n": 30},
        {"bands": ("only",), "n": 5, "mock": False},
        {"n": 1, "missing": [0], "rejections": ()},
        {"n": 2, "padded": [0, 1]},
        {"n": 3, "noise": 0, "magnitude": np.inf},
    ],
    ids=["ten bands", "one band", "one object", "all padded", "empty images"],
)
def test_figures_of_all_sorts_of_datasets_fit_a_page(options, tmp_path):
    data = look(tmp_path, **options)
    for part in PARTS.values():
        figure = part.load().draw(data)
        figure.savefig(tmp_path / "figure.png", dpi=40)
        width, height = figure.get_size_inches()
        assert width in (_style.SINGLE, _style.DOUBLE)
        assert height < 9.5
        assert ("mock data" in texts(figure)) == options.get("mock", True)


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (UGRIZ, ([3], [2], [1])),
        (("red", "green", "blue"), ([0], [1], [2])),
        (ENERGIES, ([0, 1, 2, 3], [4, 5, 6], [7, 8, 9])),
        (("J", "H", "K"), ([2], [1], [0])),
        (("stamp",), ([0], [0], [0])),
        (("soft", "hard"), ([0], [0, 1], [1])),
    ],
)
def test_channels_of_a_composite(bands, expected):
    assert colour_composites.choose_channels(bands) == expected


def test_a_composite_shows_an_object_in_the_middle_and_its_colour(tmp_path):
    data = look(tmp_path, bands=("g", "r", "i"), n=30, noise=0.01)
    pictures = colour_composites.composites(data, ([2], [1], [0]))
    assert pictures.shape == (24, 32, 32, 3)
    assert pictures.dtype == np.uint8
    assert (pictures[:, 15:17, 15:17].max(axis=-1) > 150).all()
    assert pictures[:, :4, :4].mean() < 10
    light = data.measured.light[data.examples.rows]
    redder = light[:, 2] / np.median(data.measured.light[:, 2]) > light[:, 0] / np.median(data.measured.light[:, 0])
    middle = pictures[:, 15, 15].astype(int)
    np.testing.assert_array_equal(middle[:, 0] > middle[:, 2], redder)


# --- page ------------------------------------------------------------------------------------------------------------


def bake(folder, names=("centring", "rejected_rows"), **options):
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, **options)
    exploring.write_page(
        "galaxies",
        folder / "dataset.h5",
        folder / "rejected.csv",
        html=folder / "explore.html",
        figures=folder / "explore",
        figure_names=names,
        title="A test",
        config_text="datasets: {}\n",
    )
    return (folder / "explore.html").read_text(encoding="utf-8")


def body(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<body") :])).replace("\N{MINUS SIGN}", "-")


def test_the_page_tells_what_was_found(tmp_path):
    text = body(bake(tmp_path, padded=[5], missing=[1]))
    assert text.startswith(" MOCK data")
    for said in (
        "40 objects of the survey sdss, 32 x 32 pixels in 5 bands",
        "5 rows of the catalogue were rejected",
        "the median offset of the light from the middle is under half a pixel in every band",
        "agree within a factor of two",
        "1 objects, at most 25.0% of the pixels",
        "label missing 3",
        "no position 2",
        "Highest Mean Standard deviation",
        "14: 1 to 3 objects each",
        "centring resampled",
        "catalogue.csv " + "0" * 64,
    ):
        assert said in text
    assert {path.name for path in (tmp_path / "explore").iterdir()} == {
        f"{name}.{suffix}" for name in ("centring", "rejected_rows") for suffix in ("pdf", "png")
    }


def test_the_page_warns(tmp_path):
    text = body(bake(tmp_path, (), shift=(1.5, 0.0), factor=100.0, mock=False))
    assert "MOCK" not in text
    assert "over half a pixel in u, g, r, i, z" in text
    assert "differ by over a factor of two in u, g, r, i, z" in text
    assert "off centre" in text


def test_the_page_of_few_objects_does_not_judge(tmp_path):
    text = body(bake(tmp_path, (), n=2, shift=(2.0, 0.0), rejections=()))
    assert "Centring: too few objects to judge" in text
    assert "Rejected rows None." in text


def test_the_page_stands_alone_and_is_the_same_bytes(tmp_path):
    first, second = (bake(tmp_path / name) for name in ("first", "second"))
    assert first == second
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", first)
    assert first.count("data:image/png;base64,") == 2
    assert str(tmp_path) not in first
