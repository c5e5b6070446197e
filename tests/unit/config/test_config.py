from typing import Literal, get_args, get_origin

import pytest
import yaml

from skybake.config import make_plan, messages
from skybake.config.blocks import Config, Figures
from skybake.settings import Settings
from tests.unit.config.configs import TAGS, changed

BAD = {
    "unknown key": (
        "titel",
        "x",
        ["titel", "Did you mean 'title'?", "bakeoffs, compare_with, compare_with_results, datasets"],
    ),
    "unknown key deep down": (
        "bakeoffs.first.training",
        {"epoch": 3},
        ["bakeoffs.first.training.epoch", "Did you mean 'epochs'?"],
    ),
    "unknown model": (
        "bakeoffs.first.models",
        ["simple_sequentiel"],
        ["bakeoffs.first.models[0]", "'simple_sequentiel'", "Did you mean 'simple_sequential'?"],
    ),
    "bins from high to low": (
        "bakeoffs.first.losses",
        [{"binned_crps": {"low": 0.4, "high": 0.0}}],
        ["bakeoffs.first.losses: binned_crps", "expected low < high"],
    ),
    "a word for an end": (
        "bakeoffs.first.losses",
        [{"binned_crps": {"low": "zero"}}],
        ["bakeoffs.first.losses[0].binned_crps.low: 'zero' found; expected a number"],
    ),
    "edges in a list of lists": (
        "bakeoffs.first.losses",
        [{"binned_crps": {"edges": [[0, 1], [2, 3]]}}],
        ["bakeoffs.first.losses[0].binned_crps.edges: [[0, 1], [2, 3]] found; expected a list of numbers"],
    ),
    "one bin": (
        "bakeoffs.first.losses",
        [{"binned_crps": {"count": 1}}],
        ["count: 1 found", "integer of at least 2"],
    ),
    "unknown spacing": (
        "bakeoffs.first.losses",
        [{"bin_crossentropy": {"spacing": "log"}}],
        ["bin_crossentropy.spacing: 'log' found", "'uniform' or 'equal_population'"],
    ),
    "levels not ascending": ("bakeoffs.first.losses", [{"quantile": {"levels": [0.5, 0.1]}}], ["levels: [0.5, 0.1]"]),
    "unknown loss": ("bakeoffs.first.losses", ["mse", "hubr"], ["losses[1]", "'hubr'", "Did you mean 'huber'?", "mae"]),
    "unknown baseline": ("bakeoffs.first.baselines", ["const"], ["baselines[0]", "Did you mean 'constant'?"]),
    "unknown survey": ("datasets.clusters.survey", "efed", ["datasets.clusters.survey", "Did you mean 'efeds'?"]),
    "a name of nothing": ("display", {"simple_sequentiel": "A"}, ["display: no", "Did you mean 'simple_sequential'?"]),
    "unknown dataset": ("bakeoffs.first.datasets", ["cluster"], ["datasets[0]", "Did you mean 'clusters'?"]),
    "unknown figure": ("figures", {"run": ["loss_curv"]}, ["figures.run[0]", "Did you mean 'loss_curve'?"]),
    "figure of another scope": ("figures", {"run": ["forest"]}, ["figures.run[0]: no figure of this scope 'forest'"]),
    "unknown scope": ("figures", {"runs": []}, ["figures.runs", "allowed: apply, comparison, difference, explore"]),
    "figures of no scope": (
        "figures",
        ["forest", "loss_curve"],
        [
            "figures: a list found",
            "{run: [loss_curve], comparison: [forest], explore: [], inside: [], apply: [], difference: []}",
        ],
    ),
    "published numbers of no row, and of a metric with a near name": (
        "bakeoffs.first.published",
        [
            {"model": "nonsequentail", "loss": "mse", "values": {"std_eror": 0.2}, "source": "a paper"},
            {"model": "vgg6", "loss": {"huber": {"delta": 0.5}}, "values": {"accuracy": 0.9}, "source": "a paper"},
        ],
        [
            "published[0].model: no model 'nonsequentail'",
            "published[0].values: no metric 'std_eror'",
            "Did you mean 'std_error'?",
            "published[1].model: no model 'vgg6' in this bake-off; allowed: simple_sequential, nonsequential",
            "published[1].loss: no loss 'huber' in this bake-off; allowed: mse, huber-delta=0.3",
            "published[1].values: no metric 'accuracy'",
        ],
    ),
    "published numbers with a name and a row": (
        "bakeoffs.first.published",
        [{"name": "x", "model": "nonsequential", "loss": "mse", "values": {"nmad": 0.2}, "source": "a paper"}],
        ["published[0]: give either 'model' and 'loss'"],
    ),
    "unknown optimizer": ("bakeoffs.first.training", {"optimizer": "adem"}, ["optimizer.name", "'adem'", "'adam'"]),
    "a value of another schedule than the usual": (
        "bakeoffs.first.training",
        {"schedule": {"name": "plateau", "patience": 0}},
        ["bakeoffs.first.training.schedule.patience: 0 found"],
    ),
    "a key of another schedule than the usual": (
        "bakeoffs.first.training",
        {"schedule": {"name": "plateau", "patiense": 3}},
        ["bakeoffs.first.training.schedule.patiense: no key", "Did you mean 'patience'?"],
    ),
    "a value of a block that may be null": (
        "bakeoffs.first.training",
        {"early_stopping": {"patience": 0}},
        ["bakeoffs.first.training.early_stopping.patience: 0 found"],
    ),
    "a value of another strategy": (
        "datasets.clusters.split",
        {"strategy": "sky", "cell": 99},
        ["datasets.clusters.split.cell: 99 found"],
    ),
    "a missing key": (
        "datasets.adam",
        {"mock": {}},
        ["datasets.adam.survey: missing; expected The raw format"],
    ),
    "a strategy alone that does not exist": ("datasets.clusters.split", "groups", ["split.strategy", "'group'"]),
    "a number for an optimizer": (
        "bakeoffs.first.training",
        {"optimizer": 3},
        ["training.optimizer: 3 found; expected a block of keys and values"],
    ),
    "a number for a loss": (
        "bakeoffs.first.losses",
        ["mse", 3],
        ["bakeoffs.first.losses[1]: 3 found; expected a text or a block of keys and values"],
    ),
    "parameters that are none": (
        "bakeoffs.first.losses",
        [{"huber": 0.3}],
        ["bakeoffs.first.losses[0].huber: 0.3 found"],
    ),
    "true for a number": ("bakeoffs.first.training", {"epochs": True}, ["training: epochs: True found", "a number"]),
    "unknown strategy": ("datasets.clusters.split", {"strategy": "groups"}, ["split.strategy", "'group'"]),
    "unknown loss parameter": (
        "bakeoffs.first.losses",
        [{"huber": {"delt": 0.1}}],
        ["losses[0].huber.delt", "allowed: delta", "Did you mean 'delta'?"],
    ),
    "wrong type of a loss parameter": (
        "bakeoffs.first.losses",
        [{"huber": {"delta": "wide"}}],
        ["losses[0].huber.delta", "'wide' found", "expected a number"],
    ),
    "negative loss parameter": (
        "bakeoffs.first.losses",
        [{"huber": {"delta": -1}}],
        ["losses[0].huber.delta", "-1 found", "expected a number above 0"],
    ),
    "a parameter that the bake-off sets": (
        "bakeoffs.first.losses",
        [{"mean_absolute_percentage_error": {"scale": 2.0}}],
        ["losses[0].mean_absolute_percentage_error.scale: 2.0 found; expected none: the bake-off sets it by the label"],
    ),
    "no model": ("bakeoffs.first.models", [], ["bakeoffs.first.models: [] found; expected at least 1 of them"]),
    "a text for a block": ("bakeoffs.first", "all", ["bakeoffs.first: 'all' found; expected a block of keys and val"]),
    "a text for a flag": (
        "bakeoffs.first.training",
        {"tensorboard": "often"},
        ["training.tensorboard: 'often' found; expected true or false"],
    ),
    "infinite loss parameter": ("bakeoffs.first.losses", [{"huber": {"delta": float("nan")}}], ["a number above 0"]),
    "a list of words": (
        "bakeoffs.first.losses",
        [{"quantile": {"levels": ["a"]}}],
        ["quantile.levels", "a list of numbers above 0 and below 1"],
    ),
    "negative model parameter": (
        "bakeoffs.first.models",
        [{"simple_sequential": {"filters": -3}}],
        ["models[0].simple_sequential.filters", "-3 found", "expected an integer of at least 1"],
    ),
    "all is dropped": (
        "bakeoffs.first.models",
        [{"lesson_cnn_dropout": {"rate": 1.5}}, {"vgg6": {"dense_dropout": 1.0}}],
        [
            "models[0].lesson_cnn_dropout.rate: 1.5 found; expected a number of at least 0 and below 1",
            "models[1].vgg6.dense_dropout: 1.0 found; expected a number of at least 0 and below 1",
        ],
    ),
    "unknown preset": (
        "bakeoffs.first.training",
        "published_cluster",
        ["bakeoffs.first.training.preset: no choice 'published_cluster'", "Did you mean 'published_clusters'?"],
    ),
    "unknown activation": (
        "bakeoffs.first.models",
        [{"inception": {"activation": "leakyrelu"}}],
        [
            "models[0].inception.activation: 'leakyrelu' found",
            "'prelu', 'leaky_relu' or 'tanh'",
            "Did you mean 'leaky_relu'?",
        ],
    ),
    "a value of a sweep out of range": (
        "bakeoffs.first.sweep",
        {"losses": {"huber": {"delta": [0.1, 0]}}},
        ["sweep.losses.huber.delta[1]: 0 found; expected a number above 0"],
    ),
    "a loss that trains nothing": (
        "bakeoffs.first.losses",
        ["mse", "mean_error"],
        ["bakeoffs.first.losses[1]: the loss 'mean_error' trains no network"],
    ),
    "results at the root": ("results", "/", ["results", "'/' found", "a folder of its own"]),
    "results beside the config": ("results", ".", ["results", "'.' found"]),
    "results with braces": ("results", "a/{x}", ["results", "'a/{x}' found"]),
    "seeds that are no integers": (
        "bakeoffs.first.seeds",
        ["1", True],
        ["seeds[0]: '1' found; expected an integer", "seeds[1]: True found; expected an integer"],
    ),
    "wrong type": (
        "bakeoffs.first.training",
        {"epochs": "many"},
        ["training.epochs: 'many' found; expected an integer"],
    ),
    "out of range": ("datasets.clusters.split", {"test": 1.5}, ["split.test: 1.5 found; expected a number below 1"]),
    "fractions that do not add up": (
        "datasets.clusters.split",
        {"strategy": "fractions", "train": 0.7, "valid": 0.1, "test": 0.3},
        ["datasets.clusters.split", "0.7", "0.3", "add up to 1.1", "expected 1"],
    ),
    "duplicate seeds": ("bakeoffs.first.seeds", [3, 1, 3], ["seeds [3, 1, 3]", "3 stands twice"]),
    "missing raw file": (
        "datasets.clusters.raw",
        {"images": "nowhere.pkl"},
        ["raw.images", "'nowhere.pkl'", "raw.catalogue: missing"],
    ),
    "neither raw nor mock": ("datasets.clusters.raw", None, ["datasets.clusters", "'raw'", "'mock'"]),
    "unknown reader option": ("datasets.clusters.options", {"colums": "sim"}, ["options.colums", "'columns'"]),
    "the label as input": ("datasets.clusters.inputs", ["log10_mass"], ["inputs", "'log10_mass' is the label"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_config_is_refused_in_one_message(case, given):
    key, value, words = BAD[case]
    with pytest.raises(messages.ConfigError) as error:
        make_plan(changed(given, key, value))
    for word in words:
        assert word in str(error.value)
    assert "nput should" not in str(error.value)


STEPS = {dict: ("adam",), list: (0,)}  # into a mapping or a list


def named_blocks(block=Config, place=()):
    """Yield place and class of every block that a config can hold; a mapping's name is one that is a tag too."""
    for name, field in block.model_fields.items():
        yield from blocks_of(field.annotation, (*place, name))


def blocks_of(kind, place):
    if isinstance(kind, type) and issubclass(kind, Settings):
        yield place, kind
        yield from named_blocks(kind, place)
    for inner in get_args(kind):
        yield from blocks_of(inner, (*place, *STEPS.get(get_origin(kind), ())))


@pytest.mark.parametrize("value", [1, None])
@pytest.mark.parametrize(("place", "block"), [*named_blocks()], ids=lambda item: getattr(item, "__name__", ""))
def test_a_wrong_key_is_told_where_it_was_written(given, place, block, value):
    kinds = {name: field.annotation for name, field in block.model_fields.items() if name in TAGS}
    wrong = {
        **{name: get_args(kind)[0] for name, kind in kinds.items() if get_origin(kind) is Literal},
        "unheard_of": value,
    }
    for step in reversed(place):
        wrong = [wrong] if step == 0 else {step: wrong}
    with pytest.raises(messages.ConfigError) as error:
        make_plan(wrong)
    where = ".".join(map(str, place)).replace(".0", "[0]")
    assert f"  {where}.unheard_of: no key 'unheard_of'; allowed: " in str(error.value)
    for key, field in block.model_fields.items():
        assert key in str(error.value), field


@pytest.mark.parametrize(
    ("name", "allowed", "hint"),
    [
        ("fits", ["efeds", "sdss"], ""),
        ("epochs", ["bakeoffs"], ""),
        ("hubr", ["huber", "mse"], " Did you mean 'huber'?"),
    ],
)
def test_only_near_spellings_are_hinted_at(name, allowed, hint):
    assert messages.nearest(name, allowed) == hint


def test_names_of_datasets_can_be_paths(given):
    for name, words in (("my/set", "no space or slash"), ("logs", "skybake's own")):
        wrong = changed(given, "datasets", {name: given["datasets"]["clusters"]})
        with pytest.raises(messages.ConfigError, match=words):
            make_plan(wrong)


def test_an_emptied_block_means_its_defaults(given):
    for key in ("bakeoffs.first.training", "datasets.clusters.options", "statistics", "bakeoffs.first.baselines"):
        emptied = changed(given, key, None)
        make_plan(emptied)
    for huber in (None, {"delta": None}):
        losses = [{"huber": huber}, {"quantile": {"levels": [0.1, 0.5]}}]
        assert make_plan(changed(given, "bakeoffs.first.losses", losses)).combinations[0].loss_name == "huber"
    emptied = changed(given, "bakeoffs.first.training", {"preset": "published_stamps", "epochs": None})
    assert make_plan(emptied).config.bakeoffs["first"].training.epochs == 5


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("datasets.clusters.options", {"colums": None}, "options.colums: no key 'colums'"),
        ("datasets.stars", {"survey": "decam", "mock": {"n_source": None}}, "mock.n_source: no key 'n_source'"),
        ("bakeoffs.first.losses", [{"huber": {"dleta": None}}], "huber.dleta: no parameter 'dleta'"),
        ("bakeoffs.first.sweep", {"losses": {"huber": {"dleta": None}}}, "huber.dleta: None found; expected a list"),
        ("bakeoffs.first.sweep", {"losses": {"huber": {"delta": [None]}}}, "delta[0]: None found; expected a value"),
        ("datasets.clusters.raw.imges", None, "raw.imges: None found; expected a text"),
        ("bakeoffs.second", None, "bakeoffs.second: None found; expected a block"),
    ],
)
def test_a_key_without_a_value_is_not_passed_over(given, key, value, said):
    given["bakeoffs"]["first"]["losses"] = ["huber"]
    with pytest.raises(messages.ConfigError) as error:
        make_plan(changed(given, key, value))
    assert said in str(error.value)


def test_one_value_has_one_name(given):
    for value in (1, 1.0, "1e0"):  # YAML reads 1e0 as text
        plan = make_plan(changed(given, "bakeoffs.first.losses", [{"huber": {"delta": value}}]))
        assert plan.combinations[0].loss_name == "huber-delta=1.0"


def test_a_long_name_fits_a_file_system(given):
    edges = [round(0.01 * i, 2) for i in range(1, 99)]
    jobs = make_plan(changed(given, "bakeoffs.first.losses", [{"quantile": {"levels": edges}}])).combinations
    assert len(jobs[0].loss_name) < 120


def test_all_problems_are_told_at_once(given):
    wrong = changed(changed(given, "bakeoffs.first.models", ["x"]), "bakeoffs.first.losses", ["y"])
    with pytest.raises(messages.ConfigError, match=r"models\[0\](.|\n)*losses\[0\]"):
        make_plan(wrong)


def test_a_loss_that_does_not_suit_the_task_is_refused(given):
    with pytest.raises(messages.ConfigError, match="'focal' is for classification, the dataset"):
        make_plan(changed(given, "bakeoffs.first.losses", ["focal"]))


def test_a_baseline_without_its_scalar_is_refused(given):
    wrong = changed(changed(given, "bakeoffs.first.baselines", ["redshift_only"]), "datasets.clusters.inputs", [])
    with pytest.raises(messages.ConfigError, match="'redshift_only' needs the scalar 'redshift'"):
        make_plan(wrong)


def test_home_and_variables_in_paths(given, tmp_path, monkeypatch):
    """They are replaced where files are looked for, and stay as they are in the merged config."""
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    raw = {"images": "$SCRATCH/cubes.pkl", "catalogue": "~/catalogue.feather"}
    config = changed(changed(given, "datasets.clusters.raw", raw), "results", "${SCRATCH}/results/")
    plan = make_plan(config)
    assert plan.raw("clusters") == {name: f"{tmp_path}/{path.split('/')[1]}" for name, path in raw.items()}
    assert plan.paths.dataset("clusters") == f"{tmp_path}/results/clusters/dataset.h5"
    assert plan.as_dict()["datasets"]["clusters"]["raw"] == raw


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("$NO_SUCH_PLACE/x", "the environment has no variable $NO_SUCH_PLACE"),
        ("~no_such_user/x", "there is no such user"),
        ("a{b}", "braces"),
    ],
)
@pytest.mark.parametrize("key", ["datasets.clusters.raw.images", "results"])
def test_a_path_that_cannot_be_is_refused(given, key, path, words):
    with pytest.raises(messages.ConfigError) as caught:
        make_plan(changed(given, key, path))
    assert key.removesuffix(".images") in str(caught.value)
    assert words in str(caught.value)


def test_two_bakeoffs_must_not_write_the_same_files(given):
    twice = changed(given, "bakeoffs.second", given["bakeoffs"]["first"])
    with pytest.raises(messages.ConfigError, match=r"bakeoffs\.second: simple_sequential with mse on clusters"):
        make_plan(twice)


def test_a_model_and_loss_may_stand_twice_with_other_training(given):
    """The first bake-off keeps the ordinary paths; the other one's rows are told by its name."""
    longer = {**given["bakeoffs"]["first"], "baselines": [], "losses": ["mse"], "training": {"epochs": 7}}
    plan = make_plan(changed(given, "bakeoffs.longer", longer))
    first, second = (job for job in plan.combinations if (job.model.name, job.loss_name) == ("nonsequential", "mse"))
    assert (first.loss_in_paths, second.loss_in_paths) == ("mse", "mse@longer")
    assert first.identity == {
        **{"dataset": "clusters", "split": "holdout-40", "training": "first"},
        **{"model": "nonsequential", "loss": "mse", "prediction": "seeds"},
    }
    assert second.identity == first.identity | {"training": "longer"}
    assert plan.training_job("clusters", "nonsequential", "mse@longer").training.epochs == 7
    assert plan.constraints("longer", networks=True)["loss"] == "mse@longer"
    assert len(set(plan.evaluations("clusters", "metrics.json"))) == len(plan.combinations) == 7


def test_ensembles_are_rows_of_the_same_trainings(given):
    alone = make_plan(given)
    plan = make_plan(changed(given, "bakeoffs.first.ensembles", True))
    rows = {(row["model"], row["loss"], row["prediction"]): row for row in plan.rows("clusters")}
    networks = [job for job in plan.combinations if job.loss is not None]
    assert len(plan.combinations) == len(alone.combinations)
    assert len(rows) == len(plan.combinations) + len(networks)
    found = rows["nonsequential", "mse", "ensemble"]
    assert (found["folder"], found["trained"]) == ("nonsequential/mse@ensemble", "nonsequential/mse")
    names = {"dataset": "clusters", "model": "nonsequential"}
    assert plan.run_files(**names, loss="mse@ensemble") == plan.run_files(**names, loss="mse")
    assert plan.paths.evaluation("metrics.json", **names, loss="mse@ensemble") in plan.evaluations(
        "clusters", "metrics.json"
    )
    assert plan.job(**names, loss="mse@ensemble").prediction == "ensemble"
    assert "ensemble" not in plan.constraints("first", networks=True)["loss"]
    predictors = [path for path in plan.everything() if path.endswith("@ensemble/predictor.keras")]
    assert len(predictors) == len(networks)
    assert "results/clusters/runs/nonsequential/mse@ensemble/predictor.keras" in predictors


def test_one_seed_makes_no_ensemble(given):
    plan = make_plan(changed(changed(given, "bakeoffs.first.ensembles", True), "bakeoffs.first.seeds", [1]))
    assert {row["prediction"] for row in plan.rows("clusters")} == {"seeds"}


def test_passes_with_dropout_are_rows_of_predictions_of_their_own(given):
    plan = make_plan(changed(changed(given, "bakeoffs.first.mc_dropout", 25), "bakeoffs.first.seeds", [1]))
    names = {"dataset": "clusters", "model": "nonsequential"}
    rows = {(row["model"], row["loss"], row["prediction"]): row for row in plan.rows("clusters")}
    found = rows["nonsequential", "mse", "mc_dropout"]
    assert (found["folder"], found["predicted"]) == ("nonsequential/mse@mc_dropout", "nonsequential/mse@mc_dropout")
    assert found["trained"] == "nonsequential/mse"
    assert ("constant", "baseline", "mc_dropout") not in rows
    files = plan.run_files(**names, loss="mse@mc_dropout")
    assert "results/clusters/runs/nonsequential/mse@mc_dropout/seed-1/predictions.h5" in files
    assert set(files) < set(plan.compared_runs("clusters"))
    assert "mc_dropout" not in plan.constraints("first", networks=True)["loss"]


@pytest.mark.parametrize("name", ["ensemble", "mc_dropout"])
def test_a_bakeoff_called_as_a_mean_is_refused(given, name):
    with pytest.raises(messages.ConfigError, match=f"the name '{name}' is skybake's own"):
        make_plan(changed(given, f"bakeoffs.{name}", given["bakeoffs"]["first"]))


def test_a_plan_names_every_combination_once(given):
    plan = make_plan(given)
    names = [(job.model.name, job.loss_name) for job in plan.combinations]
    assert names == [
        ("simple_sequential", "mse"),
        ("simple_sequential", "huber-delta=0.3"),
        ("nonsequential", "mse"),
        ("nonsequential", "huber-delta=0.3"),
        ("constant", "baseline"),
    ]
    assert plan.training_job("clusters", "nonsequential", "huber-delta=0.3").loss_parameters == {"delta": 0.3}
    assert plan.paths.job("clusters", "nonsequential", "mse") == "results/clusters/runs/nonsequential/mse"


def test_lists_make_names_that_paths_can_hold(given):
    plan = make_plan(changed(given, "bakeoffs.first.losses", [{"quantile": {"levels": [0.1, 0.5, 0.9]}}]))
    assert plan.combinations[0].loss_name == "quantile-levels=0.1+0.5+0.9"


def test_a_parameter_at_its_default_has_the_plain_name(given):
    plan = make_plan(changed(given, "bakeoffs.first.losses", [{"huber": {"delta": 0.5}}]))
    assert plan.combinations[0].loss_name == "huber"


def test_blocks_without_a_name_take_the_usual_one(given):
    training = {"schedule": {"warmup_epochs": 0}, "optimizer": {"learning_rate": 0.01}}
    block = make_plan(changed(given, "bakeoffs.first.training", training)).config.bakeoffs["first"].training
    assert (block.schedule.name, block.schedule.warmup_epochs) == ("constant", 0)
    assert (block.optimizer.name, block.optimizer.learning_rate) == ("adam", 0.01)


def test_the_merged_config_is_complete_and_means_the_same(given):
    merged = make_plan(given).as_dict()
    assert merged["bakeoffs"]["first"]["training"]["optimizer"]["learning_rate"] == 1e-3
    assert merged["datasets"]["clusters"]["inputs"] == ["redshift"]
    again = make_plan(yaml.safe_load(yaml.safe_dump(merged)))
    assert again.as_dict() == merged


def test_figures_of_one_scope_leave_those_of_others_as_they_are(given):
    def drawn(figures):
        plan = make_plan({**given, "figures": figures})
        return {scope: {part.name for part in plan.figures(scope, "clusters")} for scope in Figures.model_fields}

    usual = drawn({})
    assert all(usual.values())
    assert drawn({"run": ["loss_curve"], "explore": []}) == {**usual, "run": {"loss_curve"}, "explore": set()}
