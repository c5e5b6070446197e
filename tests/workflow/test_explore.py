"""The first look at a dataset, by the workflow: without any training, and run again only where it must be."""

import copy

import pytest

from tests.workflow.conftest import CONFIG, Bakeoff, copy_checkout


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    (folder / "checkout").mkdir()
    bakeoff = Bakeoff(folder / "work", copy_checkout(folder / "checkout"))
    config = copy.deepcopy(CONFIG)
    config["datasets"] = {"clusters": {**CONFIG["datasets"]["clusters"], "mock": {"n_clusters": 20, "seed": 3}}}
    config["bakeoffs"] = {"clusters": CONFIG["bakeoffs"]["clusters"]}
    bakeoff.write(config)
    bakeoff.snakemake("explored")
    return bakeoff


def test_a_dataset_has_a_page_and_figures_without_training(explored):
    results = explored.folder / "results"
    page = (results / "clusters/explore.html").read_text(encoding="utf-8")
    assert "MOCK" in page[page.index("<body") :][:100]
    assert "first look at clusters" in page
    assert "survey: efeds" in page[page.index('id="config"') :]
    assert str(explored.folder) not in page
    stems = {path.stem for path in (results / "clusters/explore").glob("[!.]*")}
    assert {"colour_composites", "example_cutouts", "centring", "band_noise", "labels_and_scalars"} <= stems
    for stem in stems:
        assert (results / "clusters/explore" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / "clusters/explore" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
    assert (results / "logs/explore/clusters.log").exists()
    assert (results / "benchmarks/explore/clusters.tsv").exists()
    assert not (results / "clusters/runs").exists()


@pytest.mark.parametrize(
    ("edited", "jobs"),
    [
        (["skybake/figures/centring.py"], {"explore": 1, "explored": 1}),
        (["skybake/figures/loss_curve.py", "skybake/models/simple_sequential.py"], {}),
    ],
)
def test_an_edit_reruns_what_uses_it_and_nothing_else(edited, jobs, explored):
    before = {explored.checkout / name: (explored.checkout / name).read_text() for name in edited}
    try:
        for path, text in before.items():
            path.write_text(text + "\n# edited\n")
        assert explored.jobs("explored") == jobs
    finally:
        for path, text in before.items():
            path.write_text(text)
