"""The page of a bake-off."""

import re

from scipy import stats

from skybake.metrics.regression import RELATIVE
from skybake.report import page_table, rows
from tests.unit.report.small_bakeoffs import FAILED, REFERENCE, Document, compared, pooled


def test_page_needs_nothing_else(html):
    document = Document(html)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in document.addresses)
    assert "link" not in document.tags
    assert "iframe" not in document.tags
    assert "@import" not in html
    assert "url(" not in html
    anchors = {address[1:] for address in document.addresses if address.startswith("#")}
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
    heads = [head for head, _ in page_table.table(points, anchors=False).heads]
    assert heads[:5] == ["Mean error", "Std", "NMAD", "Outliers [%]", "Training [s]"]
    heads = [head for head, _ in page_table.table(records, anchors=False).heads]
    assert heads[4:9] == ["CRPS", "NLL", "PIT-KS", "Coverage [%]", "Training [s]"]
    of_redshifts = [record | {"label": "redshift", "error": RELATIVE} for record in points]
    assert "RAIL outliers [%]" in [head for head, _ in page_table.table(of_redshifts, anchors=False).heads]


def test_page_shows_failed_rows_with_the_end_of_their_log(html):
    text = Document(html).text
    assert "1 failed" in text
    assert "ValueError: <a> & b" in text
    assert "line 39" in text
    assert "line 25" not in text


def test_page_escapes_what_others_wrote(html):
    assert "<a>" not in html
    assert "<more>" not in html
    assert "<fast>" not in html


def test_page_has_the_figures(html):
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^:]+):', html)
    titles = [title for _, title in pictures]
    assert titles.count("Error histogram") == 7
    assert titles[:2] == ["Scores with intervals", "Accuracy against training time"]
    assert all(data.startswith("iVBORw0KGgo") for data, _ in pictures)


def test_page_tells_changes_against_the_reference(html, table):
    section = html.split('<section id="changes">')[1].split("</section>")[0]
    assert "<h2>Changes against simple_sequential, mean_squared_error</h2>" in section
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
    assert "No changes are told: simple_sequential, gaussian_nll" in page


def test_headings_are_buttons(html):
    head = html[html.index("<thead>") : html.index("</thead>")]
    assert head.count('<button type="button"') == head.count("<th ")
    assert 'data-key="' in html


def test_same_files_same_bytes(baked, out, tmp_path):
    again = compared(list(reversed(baked[1])), baked[0], tmp_path)
    for path in [*again.glob("*.*"), *(again / "figures").iterdir()]:
        assert path.read_bytes() == (out / path.relative_to(again)).read_bytes(), path.name
    assert str(tmp_path) not in (again / "report.html").read_text()


def test_page_tells_how_the_chosen_network_is_applied(html):
    text = Document(html).text
    assert "apply:\n  new_objects:\n    dataset: efeds_mock" in text
    assert "snakemake apply --profile profiles/local --configfile this_config.yaml" in text
    assert 'skybake.load("results/masses").predict(images, scalars, dataset="efeds_mock")' in text
