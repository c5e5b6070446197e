"""The page of a bake-off."""

import base64
import gzip
import io
import os
import re
from pathlib import Path

import itables
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from skybake.metrics.regression import RELATIVE
from skybake.report import embedding, page_table, rows, tables
from skybake.report.names import Names
from skybake.report.tasks import REGRESSION
from tests.unit.report.small_bakeoffs import FAILED, REFERENCE, Document, compared, pooled


def markup(html):
    """Return a page without its scripts; what those ask for is watched in a browser (tests/browser)."""
    return re.sub("<script.*?</script>", "", html, flags=re.DOTALL)


def test_page_needs_nothing_but_what_lies_beside_it(html, out):
    document = Document(html)
    beside = {address for address in document.addresses if not address.startswith(("#", "data:"))}
    assert beside
    assert all((out / address).is_file() for address in beside)
    assert "link" not in document.tags
    assert "iframe" not in document.tags
    assert "@import" not in markup(html)
    assert "url(" not in markup(html)
    anchors = {address[1:].removeprefix("row=") for address in document.addresses if address.startswith("#")}
    assert anchors <= set(document.ids)
    assert len(document.ids) == len(set(document.ids))


def test_page_says_mock_on_its_first_line(html):
    assert Document(html[html.index("<body>") :]).text.startswith("MOCK data: every object on this page is simulated.")
    assert "<title>MOCK: " in html


def test_page_shows_the_numbers(baked, html):
    text = Document(html).text
    d = pooled(baked[0], "nonsequential", "huber-delta=0.3")
    assert f"{d.mean():+.3f}".replace("-", "−") in text
    for seed in range(3):
        assert f"{d[seed].std():.3f}" in text
    assert "1,000: 810 to train, 90 for validation, 100 for the test" in text
    assert "mass not positive 2" in text
    assert "frame <missing> 1" in text
    assert "0.25-0.5 keV, 0.5-2 keV" in text
    assert "d" * 64 not in text  # digests are those of the files at hand
    assert "a" * 64 in text
    assert "3.15.0" in text
    assert "A & B <fast> processor" in text
    assert "Masses & <more>" in text
    assert "seeds: [1, 2, 3]" in text


def test_page_shows_how_distributions_are_calibrated(html, table):
    document = Document(html)
    for head in ("CRPS", "NLL", "PIT-KS", "Coverage [%]"):
        assert head in document.words
    assert "RAIL outliers [%]" not in document.words  # errors are not those of a redshift
    assert f"Of calibrated ones 95 % have a PIT-KS below {stats.kstwo.ppf(0.95, 117):.3f}." in document.text
    assert f"{float(table['nonsequential', 'gaussian_nll']['pit_ks']):.3f}" in document.words


def test_columns_of_distributions_stand_only_where_some_row_predicts_one(baked):
    records = [rows.read(row, mock=True).record for row in baked[1]]
    points = [record for record in records if record["loss"] != "gaussian_nll"]
    heads = [head.text for head in page_table.table(points, anchors=False).heads]
    assert heads[:5] == ["Mean error", "Std", "NMAD", "Outliers [%]", "Training [s]"]
    heads = [head.text for head in page_table.table(records, anchors=False).heads]
    assert heads[4:9] == ["CRPS", "NLL", "PIT-KS", "Coverage [%]", "Training [s]"]
    of_redshifts = [record | {"label": "redshift", "error": RELATIVE} for record in points]
    assert "RAIL outliers [%]" in [head.text for head in page_table.table(of_redshifts, anchors=False).heads]


def test_page_shows_failed_rows_with_the_end_of_their_log(html):
    text = Document(html).text
    assert "1 failed" in text
    assert "ValueError: <a> & b" in text
    assert "line 39" in text
    assert "line 25" not in text


def test_page_escapes_what_others_wrote(html):
    for unescaped in ("<a>", "<more>", "<fast>"):
        assert unescaped not in markup(html)


def test_page_has_the_figures_that_matter_and_links_to_the_others(html, out):
    pictures = re.findall(r'<img src="([^"]+)" alt="([^:"]+)', html)
    assert [title for _, title in pictures][:2] == ["Scores with intervals", "Accuracy against training time"]
    of_rows = [address for address, title in pictures if title == "Error histogram"]
    inside = [address for address in of_rows if address.startswith("data:image/png;base64,iVBORw0KGgo")]
    assert len(of_rows) == 7
    assert len(inside) == 2  # of the chosen row and the best baseline
    assert all((out / address).is_file() for address in of_rows if address not in inside)
    assert html.count("Mean and standard deviation of the test errors, of classes") == 1


def test_figures_inside_a_page_look_like_those_beside_it(html, out):
    first = re.search(r'<img src="data:image/png;base64,([^"]+)"', html)
    small, whole = base64.b64decode(first.group(1)), (out / "figures/forest.png").read_bytes()
    assert len(small) < len(whole)
    one, other = (np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), float) for content in (small, whole))
    assert np.sqrt(np.mean((one - other) ** 2)) < 2


def test_a_photograph_keeps_its_colours(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    address = embedding.picture(tmp_path / "noise.png")
    assert base64.b64decode(address.partition(",")[2]) == (tmp_path / "noise.png").read_bytes()


def test_page_tells_changes_against_the_reference(html, table):
    section = html.split('<section id="changes">')[1].split("</section>")[0]
    assert "<h2>Changes against Simple sequential, Mean squared error</h2>" in section
    line = table["nonsequential", "huber-delta=0.3"]
    text = Document(section).text
    low, value, high = (float(line[f"std_error_change_percent{end}"]) for end in ("_low", "", "_high"))
    assert f"{value:+.1f} {low:+.1f} to {high:+.1f}".replace("-", "−") in text
    assert "+136" in text.split()  # 52 s for 22 s
    assert section.count("<tr class") == 5  # neither the reference nor rows without a result
    assert "over objects and seeds" in text


def test_a_reference_without_a_result_is_said(baked, tmp_path):
    reference = {**REFERENCE, "loss": FAILED[1]}
    page = (compared(baked[1], baked[0], tmp_path, names=[], reference=reference) / "report.html").read_text()
    assert "No changes are told: Simple sequential, Gaussian NLL" in page


def test_the_table_is_plain_without_scripts_and_says_what_scripts_need(html, table):
    """What scripts make of it is tested in a browser."""
    controls, rest = html.split('<form class="controls"')[1].split("</form>")
    assert controls.index("hidden") < controls.index(">")
    assert re.findall(r'<select name="(\w+)">', controls) == ["model", "loss", "kind"]
    assert re.findall(r'data-group="(\w*)"', controls) == ["Errors", "Uncertainty", "Cost", ""]
    whole = rest.split("<table")[1].split("</table>")[0]
    assert set(re.findall(r'<th [^>]*data-group="(\w+)"', whole)) == {"Errors", "Uncertainty", "Cost"}
    assert "<button" not in whole
    value = float(table["nonsequential", "huber-delta=0.3"]["std_error"])
    keys = [float(key) for key in re.findall(r'data-order="([^"]+)"', whole)]
    assert any(abs(key / value - 1) < 1e-6 for key in keys)


def test_the_library_of_the_tables_is_that_of_the_package(html):
    packed = re.search(r'id="table-library">([^<]+)<', html).group(1)
    text = gzip.decompress(base64.b64decode(packed)).decode()
    assert text == (Path(itables.__file__).parent / "html/dt_bundle.js").read_text(encoding="utf-8")
    assert " as default" in text[text.rindex("export{") :]
    assert len(packed) < 500_000


def test_tables_and_the_figure_for_a_paper_are_in_the_page(html, out):
    for name in ("comparison.csv", "comparison.tex", "figures/forest.pdf"):
        file = name.rpartition("/")[2]
        content = re.search(rf'href="data:[\w/-]+;base64,([^"]+)" download="{file}"', html).group(1)
        assert base64.b64decode(content) == (out / name).read_bytes()


def test_ties_with_the_chosen_row_are_marked(html, out):
    marked = re.findall(r'data-row="([^"]+)">(?:(?!</th>).)*>tied</span>', html, re.DOTALL)
    lines = tables.read_csv(out / "comparison.csv")
    tied = [line for line in lines[1:] if line["status"] == "ok" and tables.tied(line, REGRESSION)]
    assert marked == [page_table.anchor(line, "") for line in tied]
    assert tied


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mean_squared_error", "Mean squared error"),
        ("huber-delta=0.3", "Huber (delta 0.3)"),
        ("quantile-levels=0.01+0.5", "Quantile (levels 0.01, 0.5)"),
        ("gaussian_nll", "Gaussian NLL"),
        ("resnet50_reference", "ResNet-50 reference"),
        ("vgg6", "Six layers"),
        ("vgg6-rate=0.1", "Six layers (rate 0.1)"),
    ],
)
def test_names_are_readable(name, shown):
    assert Names({"vgg6": "Six layers"}).of(name) == shown


def test_same_files_same_bytes(baked, out, tmp_path):
    again = compared(list(reversed(baked[1])), baked[0], tmp_path)
    page = again / "report.html"
    rows_lie = os.path.relpath(baked[0], again)  # beside the page, where it is not made elsewhere
    page.write_text(page.read_text().replace(f'"{rows_lie}/', '"'))
    for path in [*again.glob("*.*"), *(again / "figures").iterdir()]:
        assert path.read_bytes() == (out / path.relative_to(again)).read_bytes(), path.name
    assert str(tmp_path) not in (again / "report.html").read_text()


def test_page_tells_how_the_chosen_network_is_applied(html):
    text = Document(html).text
    assert "apply:\n  new_objects:\n    dataset: efeds_mock" in text
    assert "snakemake apply --profile profiles/local --configfile this_config.yaml" in text
    assert 'skybake.load("results/masses").predict(images, scalars, dataset="efeds_mock")' in text
