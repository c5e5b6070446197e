"""What profiles ask of SLURM: the table of docs/cluster.md, and what is refused before any job."""

import re
import shlex
from types import SimpleNamespace

import pytest
import yaml
from snakemake.cli import get_argument_parser, parse_set_resources
from snakemake.iocontainers import ResourceList
from snakemake.resources import Resources
from snakemake_executor_plugin_slurm import Executor, validation
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm_jobstep import get_gpu_setting

from skybake.config.messages import ConfigError
from skybake.workflow import jobs, profiles
from tests.conftest import ROOT

RULE = "train_first"


def table(heading):
    """Return the rows of the table under a heading of docs/cluster.md, cell by cell, without the head."""
    section = (ROOT / "docs/cluster.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip().strip("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines[2:]]


ROWS = table("What to edit")


def written(profile, folder):
    """Return ``set-resources`` and ``default-resources`` of a profile, as Snakemake reads them from its file."""
    (folder / "config.yaml").write_text(yaml.safe_dump(profile))
    arguments = get_argument_parser([str(folder)]).parse_args([])
    return arguments.set_resources, arguments.default_resources


def submitted(given, defaults, device="auto", attempt=1):
    """Return the sbatch command of a training, made by the plugin, and the environment that skybake chooses."""
    profiles.check(given, defaults)
    given = jobs.shared_by_trainings(given, defaults, {"first": device})
    own = Resources.from_mapping({"mem_mb": 4000, "runtime": 240})
    resources = {**defaults, **own, **given.get(RULE, {})}
    known = {"wildcards": {"model": "m"}, "input": SimpleNamespace(size_mb=100), "attempt": attempt, "threads": 1}
    known |= {"rulename": RULE, "async_run": None}
    values = {name: resource.evaluate(**known).value for name, resource in resources.items()}
    values = {name: value for name, value in values.items() if value is not None}
    job = SimpleNamespace(resources=ResourceList(fromdict=values), threads=1)
    validation.validate_slurm_extra(job)
    executor = SimpleNamespace(_partitions=None, _fallback_partition="", _fallback_account_arg="", logger=None)
    parameters = {
        **{"run_uuid": "id", "slurm_logfile": "log", "comment_str": RULE, "workdir": "."},
        "account": next(Executor.get_account_arg(executor, job)),
        "partition": Executor.get_partition_arg(executor, job),
    }
    get_gpu_setting(job)  # of the step inside the job
    words = shlex.split(get_submit_command(job, parameters) + set_gres_string(job))
    return words, jobs.environment(given, defaults, "first", device)


@pytest.fixture(autouse=True)
def any_account(monkeypatch):
    """No SLURM is asked whether an account is there."""
    monkeypatch.setattr("snakemake_executor_plugin_slurm.validate_account", lambda account, logger: account)


def from_command_line(*entries):
    return parse_set_resources(list(entries))


def test_the_table_of_the_documentation_is_found():
    assert len(ROWS) > 15
    assert all(len(row) == 4 for row in ROWS), ROWS
    assert [row[3] for row in ROWS if "qos" in row[2]] == ["`--qos=long`"]
    assert any("nvidia_a100-sxm4-40gb" in row[2] and row[2].startswith("`slurm_extra") for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_of_the_documentation_reaches_sbatch(row, tmp_path):
    what, where, example, option = row
    lines = re.findall(r"`([^`]+)`", example)
    assert lines, f"{what}: no example"
    block = {key: value for line in lines for key, value in yaml.safe_load(line).items()}
    keys = where.strip("`").split(": ")  # default-resources, or set-resources: train
    assert keys[0] in ("default-resources", "set-resources"), where
    given, defaults = written({keys[0]: {keys[1]: block} if len(keys) == 2 else block}, tmp_path)
    words, environment = submitted(given, defaults or {})
    (expected,) = re.findall(r"`([^`]+)`", option)
    asked = shlex.split(expected)
    assert any(words[start : start + len(asked)] == asked for start in range(len(words))), words
    gpu = re.search("gpu|shard|mps", expected.split()[0]) is not None
    assert environment == ("train-gpu" if gpu else "train-cpu")
    for option in shlex.split(block.get("slurm_extra", "").strip("'")):
        assert option in words
    assert "--open-mode=append" in words or "slurm_extra" not in block  # or the row costs what the profile has


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_asks_for_no_gpu_where_the_bakeoff_trains_on_a_cpu(row, tmp_path):
    block = {key: value for line in re.findall(r"`([^`]+)`", row[2]) for key, value in yaml.safe_load(line).items()}
    keys = row[1].strip("`").split(": ")
    given, defaults = written({keys[0]: {keys[1]: block} if len(keys) == 2 else block}, tmp_path)
    words, environment = submitted(given, defaults or {}, device="cpu")
    assert environment == "train-cpu"
    assert not [word for word in words if re.match("-G|--(gpus|gres|tres-per)", word)]
    assert {"--open-mode=append", "--signal=TERM@90"} <= set(words) or "slurm_extra" not in block


def test_the_profile_asks_for_a_gpu_for_trainings_and_for_nothing_else():
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.v8+.yaml").read_text())
    defaults = Resources.parse(
        [f"{name}={value}" for name, value in profile["default-resources"].items()], allow_expressions=True
    )
    entries = [
        f"{rule}:{key}={value}" for rule, block in profile["set-resources"].items() for key, value in block.items()
    ]
    words, environment = submitted(from_command_line(*entries), defaults)
    assert "--gpus=1" in words
    assert environment == "train-gpu"
    words, environment = submitted({}, defaults)
    assert not [word for word in words if "gpu" in word]
    assert environment == "train-cpu"


@pytest.mark.parametrize("extra", ["-G 1", "--gpus-per-node=1", "--tres-per-task=gres/gpu:1"])
def test_a_gpu_may_be_asked_for_in_every_place(extra):
    places = [
        (from_command_line(f"train:slurm_extra='{extra}'"), {}),
        (from_command_line(f"train:slurm_extra={extra}"), {}),
        (from_command_line(f"train_first:slurm_extra='{extra}'"), {}),
        (from_command_line(f"train_point_first:slurm_extra='{extra}'"), {}),
        ({}, Resources.parse([f"slurm_extra='{extra}'"], allow_expressions=True)),
        (from_command_line(f"train:slurm_extra='{extra}' if wildcards.loss == 'mse' else ''"), {}),
        (from_command_line(f"train:slurm_extra=f'--nice={{attempt}} {extra}'"), {}),
    ]
    for given, defaults in places:
        shared = jobs.shared_by_trainings(given, defaults, {"first": "auto", "second": "auto"})
        assert jobs.environment(shared, defaults, "first", "auto") == "train-gpu"
    shared = jobs.shared_by_trainings(places[2][0], {}, {"first": "auto", "second": "auto"})
    assert jobs.environment(shared, {}, "second", "auto") == "train-cpu"


@pytest.mark.parametrize(
    ("more", "usual"), [(["train:gres='gpu:1'"], []), ([], ["gpu=1", "gpu_model='a100'"])], ids=["gres", "gpu"]
)
def test_an_expression_stays_one_where_its_gpu_is_taken_out(more, usual):
    given = from_command_line("train:slurm_extra=f'--nice={attempt} --gpus-per-node=1'", *more)
    defaults = Resources.parse(usual, allow_expressions=True)
    words, environment = submitted(given, defaults, device="cpu", attempt=2)  # after one that lacked no memory
    assert "--nice=1" in words
    assert not [word for word in words if re.match("--g", word)]
    assert environment == "train-cpu"
    shared = jobs.shared_by_trainings(given, defaults, {"first": "cpu"})[RULE]
    handed_on = from_command_line(*(f"{RULE}:{name}={resource.raw}" for name, resource in shared.items()))
    assert submitted(handed_on, defaults, device="cpu")[0] == submitted(given, defaults, device="cpu")[0]


@pytest.mark.parametrize(
    ("entry", "found", "expected"),
    [
        ("gpus=2", "gpus: 2", "gpu: 2"),
        ("nvidia_gpu=1", "nvidia_gpu: 1", "gpu: 1"),
        ("tres_per_job='gres/gpu:1'", "tres_per_job: gres/gpu:1", "gpu: 1, or gres: \"'gpu:1'\""),
        ("gpus_per_node='a100:1'", "gpus_per_node", "slurm_extra: \"'--gpus-per-node=a100:1'\""),
        ("gpu='a100:2'", "'a100:2' is a text", "gpu: 2; the kind is gpu_model"),
        ("slurm_extra='--gpus=2'", "'--gpus=2'", "expected gpu: 2"),
        ("slurm_extra='--gpus a100:2'", "'--gpus a100:2'", "gpu_model: \"'a100'\" beside gpu: 2"),
        ("slurm_extra='--gpus=a-b:2'", "'--gpus=a-b:2'", "slurm_extra: \"'--gpus-per-node=a-b:2'\""),
        ("slurm_extra='--gres=gpu:1'", "'--gres=gpu:1'", "gres: \"'gpu:1'\""),
        ("slurm_extra='--gres=gpu:a-b:1'", "'--gres=gpu:a-b:1'", "slurm_extra: \"'--gpus-per-node=a-b:1'\""),
        ("slurm_extra='--nice=1 --qos=long'", "'--qos=long'", "qos: \"'long'\""),
        ("slurm_extra='-t 5'", "'-t 5'", "runtime: ..., in minutes"),
        ("slurm_extra='--output=log'", "'--output=log'", "leave it out"),
        ("slurm_extra='--reservation=x-J1'", "'--reservation=x-J1'", "--job-name"),
        ('slurm_extra="--nodelist=\'a"', "cannot be read", "quotation"),
        ("gres='gpu:nvidia_a100-sxm4-40gb:1'", "gres:", "--gpus-per-node=nvidia_a100-sxm4-40gb:1"),
        ("gpu_model='nvidia_a100-sxm4-40gb'", "gpu_model:", "--gpus-per-node=nvidia_a100-sxm4-40gb:1"),
        ("gres='gpu=1'", "'gpu=1'", "it is written as gres: \"'gpu:1'\""),
        ('gres="gpu:\'a100:1"', "gpu:'a100:1", "it is written as gres: \"'gpu:1'\""),
    ],
)
def test_what_slurm_would_not_get_is_refused_with_what_works(entry, found, expected):
    for rule in ("train", "train_first", "ingest"):
        with pytest.raises(ConfigError) as caught:
            profiles.check(from_command_line(f"{rule}:{entry}"), {})
        assert f"set-resources: {rule}: {entry.split('=')[0]}: " in str(caught.value)
        assert found in str(caught.value)
        assert expected in str(caught.value)
    with pytest.raises(ConfigError, match="default-resources: "):
        profiles.check({}, Resources.parse([entry], allow_expressions=True))


def test_gpu_beside_gres_is_refused_since_only_gres_would_be_passed_on():
    with pytest.raises(ConfigError, match="set-resources: train: gpu: 1 beside gres: tmpdisk:5 is not passed on"):
        profiles.check(from_command_line("train:gpu=1", "train:gres='tmpdisk:5'"), {})
    defaults = Resources.parse(["gres='tmpdisk:5'"], allow_expressions=True)
    with pytest.raises(ConfigError, match="beside gres"):
        profiles.check(from_command_line("train:gpu=1"), defaults)
    profiles.check(from_command_line("train:gpu=1", "ingest:gres='tmpdisk:5'"), {})


def test_a_value_that_only_ends_as_an_option_does_is_taken_where_the_plugin_takes_it():
    profiles.check(from_command_line("train:slurm_extra='--nice=1 --exclude=gpu-c'"), {})
    with pytest.raises(ConfigError, match="--exclude=gpu-c' is refused by the SLURM plugin; The --CPUs-per-task"):
        profiles.check(from_command_line("train:slurm_extra='--exclude=gpu-c --nice=1'"), {})


def test_every_problem_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        profiles.check(from_command_line("train:gpus=1", "ingest:slurm_extra='--qos=a --mem=5'"), {})
    assert all(word in str(caught.value) for word in ("gpus", "--qos=a", "--mem=5", "docs/cluster.md"))


def test_every_option_that_the_plugin_refuses_has_an_answer():
    names = {
        name for pattern in validation.get_forbidden_slurm_options() for name in re.findall(r"--?[a-zA-Z-]+", pattern)
    }
    assert len(names) > 30
    assert names == {*profiles.SPELLINGS, *profiles.SNAKEMAKES}
    for name in names:
        written = f"slurm_extra='{name}=1 '" if name.startswith("--") else f"slurm_extra='{name} 1'"
        with pytest.raises(
            ConfigError, match=f"{re.escape(name)}.*is refused by the SLURM plugin; (expected|Snakemake sets)"
        ):
            profiles.check(from_command_line(f"train:{written}"), {})


def test_a_text_without_inner_quotes_is_named():
    given, defaults = from_command_line("train:slurm_partition=all"), {}
    with pytest.raises(ConfigError, match=r"slurm_partition: all is taken for Python.*\"'all'\""):
        profiles.check(given, defaults)


def test_a_rule_that_is_not_there_is_named():
    profiles.check_rules(["train", "train_first", "ingest"], ["ingest", "train_first"])
    with pytest.raises(ConfigError, match=r"set-resources: trains: no such rule.*Did you mean 'train'"):
        profiles.check_rules(["trains"], ["ingest"])
