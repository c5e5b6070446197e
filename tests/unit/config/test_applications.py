"""What a network is applied to, as the config says it."""

import pytest
import yaml

from skybake.config import make_plan
from skybake.config.messages import ConfigError
from tests.unit.config.configs import changed

MOCK = {"n_clusters": 20, "seed": 9}


def plan(given, **block):
    return make_plan({**given, "apply": {"field": {"mock": MOCK, **block}}})


def with_others(given):
    """Return the config with a second dataset, which nothing trains on."""
    return changed(given, "datasets.idle", given["datasets"]["clusters"])


def test_of_all_networks_one_is_chosen(given):
    found = plan(given).applications["field"]
    networks = [job for job in plan(given).combinations if job.loss is not None]
    assert found.dataset == "clusters"
    assert [row["trained"] for row in found.told()] == [[job.model.name, job.loss_in_runs] for job in networks]
    assert found.chosen() == ["results/clusters/chosen.json"]
    runs = [path for path in found.runs() if path.endswith("/predictor.keras")]
    assert len(runs) == sum(len(job.seeds) for job in networks)
    assert not any("/baseline/" in path for path in found.runs())


def test_a_network_that_is_named_waits_for_no_other(given):
    found = plan(given, model="nonsequential", loss="mse", jobs=3).applications["field"]
    assert [row["trained"] for row in found.told()] == [["nonsequential", "mse"]]
    assert found.chosen() == []
    assert {path.split("/seed-")[0] for path in found.runs()} == {"results/clusters/runs/nonsequential/mse"}
    assert found.parts() == [f"results/apply/field/parts/{part}.h5" for part in range(3)]


def test_what_objects_are_compared_with_is_made_once_for_each_network(given):
    named = {"model": "nonsequential", "loss": "mse"}
    blocks = {"a": {}, "b": {"batch_size": 7, "false_alarms": 0.1}, "c": named, "d": {**named, "jobs": 2}}
    found = make_plan(
        {**given, "apply": {name: {"mock": MOCK, **block} for name, block in blocks.items()}}
    ).applications
    chosen, one = "results/clusters/samples/chosen.h5", "results/clusters/samples/nonsequential/mse.h5"
    assert [item.sample for item in found.values()] == [chosen, chosen, one, one]
    assert [item.samples for item in found.values()] == [True, False, True, False]


def test_an_ensemble_is_applied_by_the_runs_that_it_is_the_mean_of(given):
    found = plan(changed(given, "bakeoffs.first.ensembles", True)).applications["field"]
    plain = plan(given).applications["field"]
    assert found.runs() == plain.runs()
    assert len(found.told()) == 2 * len(plain.told())


def test_new_objects_are_read_as_those_of_the_dataset(given):
    made = plan(given, options={"most_rejected": 0.9})
    new, old = (made.reader_options(name).model_dump() for name in ("apply/field", "clusters"))
    assert new.pop("most_rejected") == 0.9
    old.pop("most_rejected")
    assert (new.pop("without_label"), old.pop("without_label")) == ("keep", "reject")
    assert new == old
    assert plan(given, objects="unlabelled").reader_options("apply/field").without_label == "only"
    assert made.like("apply/field") == made.like("clusters") == "clusters"
    assert made.raw_inputs("apply/field").keys() == made.raw_inputs("clusters").keys()
    assert set(made.raw_inputs("apply/field").values()) == {"results/apply/field/raw"}


def test_the_merged_config_means_the_same(given):
    merged = plan(given, model="nonsequential", loss="mse").as_dict()
    assert (
        make_plan(merged).applications["field"].told()
        == plan(given, model="nonsequential", loss="mse").applications["field"].told()
    )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"model": "constant"}, ["apply.field.model: 'constant' is a baseline", "expected one of simple_sequential"]),
        ({"model": "nonsequental"}, ["apply.field.model: no row", "Did you mean 'nonsequential'?"]),
        (
            {"model": "nonsequential"},
            ["apply.field: 2 rows found", "{model: nonsequential, loss: mse, training: first}"],
        ),
        ({"loss": "mse"}, ["apply.field: 'loss' and 'training' go with 'model'"]),
        ({"mock": None}, ["apply.field: give either 'raw'"]),
        ({"mock": {"n_cluster": 3}}, ["apply.field.mock.n_cluster", "Did you mean 'n_clusters'?"]),
        ({"options": {"most_rejektd": 1}}, ["apply.field.options.most_rejektd", "Did you mean 'most_rejected'?"]),
        (
            {"mock": None, "raw": {"images": "/nowhere/x.pkl"}},
            ["apply.field.raw.images: no file", "apply.field.raw.catalogue"],
        ),
        ({"dataset": "cluster"}, ["apply.field.dataset: no dataset 'cluster'", "Did you mean 'clusters'?"]),
        ({"options": {"without_label": "only"}}, ["apply.field.options.without_label", "`objects: unlabelled`"]),
        ({"options": {"label": "z"}}, ["apply.field.options.label: 'z' found; expected none"]),
        ({"options": {"transform": "ln"}}, ["apply.field.options.transform: 'ln' found; expected none"]),
        ({"jobs": 0}, ["apply.field.jobs: 0 found; expected a number of at least 1"]),
    ],
)
def test_what_cannot_be_applied_is_refused(given, block, words):
    with pytest.raises(ConfigError) as error:
        plan(given, **block)
    assert all(word in str(error.value) for word in words), error.value


def test_of_several_datasets_one_must_be_named_and_be_trained_on(given):
    with pytest.raises(ConfigError, match=r"apply\.field\.dataset: missing; expected one of clusters, idle"):
        plan(with_others(given))
    with pytest.raises(ConfigError, match=r"apply\.field\.dataset: no bake-off trains on 'idle'"):
        plan(with_others(given), dataset="idle")


def test_a_dataset_to_train_on_needs_labels(given):
    with pytest.raises(ConfigError, match=r"datasets\.clusters\.options\.without_label: 'keep' found"):
        make_plan(changed(given, "datasets.clusters.options", {"without_label": "keep"}))


@pytest.mark.parametrize("block", ["apply", "datasets"])
def test_names_that_are_one_folder_without_capitals_are_refused(block, given):
    one = given["datasets"]["clusters"] if block == "datasets" else {"mock": MOCK, "dataset": "clusters"}
    with pytest.raises(ConfigError, match="'Field' and 'field' differ in capitals alone"):
        make_plan({**given, block: {**given.get(block, {}), "Field": one, "field": one}})


def test_no_dataset_is_called_apply(given):
    with pytest.raises(ConfigError, match="the name 'apply' is skybake's own"):
        make_plan(changed(given, "datasets.apply", given["datasets"]["clusters"]))


def test_the_lines_that_a_page_shows_are_a_config_that_runs(given):
    told = make_plan(given).how_to_apply("clusters")
    block = yaml.safe_load(told["block"])
    assert told["results"] == "results"
    found = make_plan({**given, **block}, raw_is_here=False).applications["new_objects"]
    assert found.dataset == "clusters"
    assert set(found.given.raw) == set(given["datasets"]["clusters"]["raw"])


def test_the_page_is_told_of_the_rows_that_may_predict(given):
    found = plan(given, model="nonsequential", loss="mse").applications["field"]
    (row,) = found.judged()
    assert row["folder"] == "nonsequential/mse"
    assert found.metrics() == ["results/clusters/evaluation/nonsequential/mse/metrics.json"]
    assert len(plan(given).applications["field"].judged()) == len(plan(given).applications["field"].metrics())
