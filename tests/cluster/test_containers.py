"""The images have what their steps need, and give the numbers that the host gives."""

import ast
import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skybake.mock import efeds
from skybake.workflow import digests, jobs
from tests.cluster.conftest import CONFIG, branch
from tests.conftest import ROOT
from tests.workflow.conftest import Bakeoff

STEPS = {  # scripts, and rooms of the library whose files they find by name
    "data": (
        ["list_files", "fetch", "download", "join_ledgers", "ingest", "split", "fit_baseline", "examine", "catalogue"],
        ["raw"],
    ),
    "mock": (["simulate", "limit", "examine"], ["mock"]),
    "train-cpu": (
        [
            *("train", "train_point", "test_chosen", "look_inside", "examine_training", "join_seeds"),
            *("predict_with_dropout", "sample", "predict"),
        ],
        ["models", "losses"],
    ),
    "report": (
        [
            *(
                "write_config",
                "audit",
                "explore",
                "judge",
                "draw",
                "choose_point",
                "pool_folds",
                "take_label",
                "take_runs",
                "end_rung",
                "choose",
                "compare",
                "write_page",
                "join",
            ),
            *("draw_inside", "examine", "write_distributions", "write_applied_page", "write_difference"),
        ],
        ["figures"],
    ),
}
ROOMS = {"data": ["baselines", "fetch"], "mock": [], "train-cpu": [], "report": ["metrics"]}
ONLY_DATA = {
    ROOT / "skybake" / "data" / "splits" / "__init__.py"
}  # others read a split, and do not make one, which needs scikit-learn


def imported(paths):
    """Return the outside modules that files import at any depth, as dotted names; not what only a type checker does."""
    found = set()
    for path in paths:
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                node.body = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
    return sorted(name for name in found if name.split(".")[0] not in ("skybake", "tensorflow", "jax", "snakemake"))


def execute(image, code, *arguments):
    return subprocess.run(
        ["apptainer", "exec", "--no-home", "--contain", *arguments, image, "python", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_an_image_has_all_that_its_steps_import(kind, images):
    """In plain Apptainer: under Snakemake a missing package would come from the host."""
    scripts, rooms = STEPS[kind]
    starts = [ROOT / "scripts" / f"{name}.py" for name in scripts]
    for room in [*rooms, *ROOMS[kind]]:
        starts += sorted((ROOT / "skybake" / room).glob("*.py"))
    used = digests.used_files(starts)
    names = imported(path for path in used if kind == "data" or path not in ONLY_DATA)
    assert "numpy" in names
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in used if path.parent.name != "scripts"]
    modules = [name.removesuffix(".__init__") for name in modules]
    lines = ["import importlib, sys", "sys.path.append('/checkout')"]
    lines += [f"importlib.import_module({name!r})" for name in [*names, *sorted(modules)]]
    done = execute(images / f"{kind}.sif", "\n".join(lines), "--bind", f"{ROOT}:/checkout")
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_script_has_an_image():
    tested = {name for scripts, _ in STEPS.values() for name in scripts}
    assert tested == {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"build_image"}


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_an_image_holds_bytecode_and_no_skybake(kind, images):
    code = (
        "import importlib.util, numpy, pathlib\n"
        "assert importlib.util.find_spec('skybake') is None\n"
        "sources = list(pathlib.Path(numpy.__file__).parent.rglob('*.py'))\n"
        "compiled = [path for path in sources if pathlib.Path(importlib.util.cache_from_source(path)).exists()]\n"
        "print(len(sources), len(compiled))"
    )
    done = execute(images / f"{kind}.sif", code)
    assert done.returncode == 0, done.stderr
    sources, compiled = map(int, done.stdout.split())
    assert compiled == sources > 100


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_an_image_has_the_versions_of_its_lock(kind, images):
    code = "from importlib import metadata\nfor d in metadata.distributions(): print(d.name, d.version)"
    done = execute(images / f"{kind}.sif", code)
    pairs = [line.split() for line in done.stdout.splitlines()]
    found = {canonicalize_name(name): version for name, version in reversed(pairs)}  # the first on the path is imported
    for name, version in locked(kind).items():
        assert found[name] == version, name


def locked(kind):
    """Return package -> version of a lock file, as Python 3.11 on Linux has them."""
    environment = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux"}
    found = {}
    for line in (ROOT / "requirements" / f"{kind}.lock").read_text().splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate(environment):
                found[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    assert len(found) > 10
    return found


def test_host_and_container_give_the_same_predictions(baked, ingested, tmp_path):
    """The same versions on the same machine: byte for byte."""
    branch(ingested, tmp_path / "work", CONFIG)  # what is trained in "ingested" itself, others would find there
    host = Bakeoff(tmp_path / "work", ingested.checkout)
    host.snakemake("--until", "train_clusters")
    results = host.folder / "results"
    compared = 0
    for name in ("predictions.h5", "history.csv"):
        for path in results.glob(f"clusters/runs/*/*/seed-1/{name}"):
            assert path.read_bytes() == (baked[0].folder / path.relative_to(host.folder)).read_bytes(), path
            compared += 1
    assert compared >= 8
    assert (results / "clusters/dataset.h5").read_bytes() == (
        baked[0].folder / "results/clusters/dataset.h5"
    ).read_bytes()


SNAKEFILE = """
rule look:
    output: "{framework}.json"
    log: "{framework}.log"
    container: IMAGE
    params: checkout=CHECKOUT
    script: "look.py"
"""
LOOK = """
import json, sys
path, before = list(sys.path), set(sys.modules)  # what Snakemake itself needs to give a script its files
sys.path.append(snakemake.params.checkout)
from skybake.training import backend
from skybake.workflow import logs
with logs.of(snakemake):
    backend.start(snakemake.wildcards.framework, threads=1, precision="float32")
    import keras, tensorboardX, tqdm
    import skybake.training.train
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(keras.ops.ones((8, 3)), keras.ops.ones((8, 2)), verbose=0)
files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
with open(snakemake.output[0], "w") as stream:
    json.dump({"path": path, "files": {name: file for name, file in files.items() if name not in before}}, stream)
"""


def test_nothing_of_the_host_is_imported_where_snakemake_runs_a_script(images, tmp_path):
    """Snakemake appends the host's folders to a script's search path: what an image lacks would come from there."""
    (tmp_path / "look.py").write_text(LOOK)
    lines = f"IMAGE, CHECKOUT = {str(images / 'train-cpu.sif')!r}, {str(ROOT)!r}\n"
    (tmp_path / "Snakefile").write_text(lines + SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(tmp_path)]
    command += ["--snakefile", str(tmp_path / "Snakefile"), "--software-deployment-method", "apptainer"]
    command += ["--apptainer-args", f"--bind {ROOT}", "--", "tensorflow.json", "jax.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    host = "/mnt/snakemake_searchpaths/"  # where Snakemake mounts the folders of the host's packages
    for framework in ("tensorflow", "jax"):
        found = json.loads((tmp_path / f"{framework}.json").read_text())
        assert any(path.startswith(host) for path in found["path"]), "not on the path: this test shows nothing"
        strange = {name.split(".")[0] for name, file in found["files"].items() if file.startswith(host)}
        # Snakemake's own words for the script's files, and the checkout, which is on the host's path too.
        assert {name for name in strange if not name.startswith("snakemake")} <= {"skybake"}
        assert found["files"][framework].startswith("/usr/"), found["files"][framework]


def test_a_missing_image_is_named_before_any_job(checkout, images, tmp_path, ingested):
    bakeoff = Bakeoff(tmp_path, checkout)
    (tmp_path / "bakeoff.yaml").write_text((ingested.folder / "bakeoff.yaml").read_text())
    aside = images / "report.aside"
    (images / "report.sif").rename(aside)
    try:
        done = bakeoff.snakemake("--software-deployment-method", "apptainer", check=False)
    finally:
        aside.rename(images / "report.sif")
    assert done.returncode != 0
    assert f"no image {images}/report.sif" in done.stdout
    assert not (tmp_path / "results").exists()


def test_every_kind_of_environment_has_lock_conda_file_and_definition():
    for kind in jobs.ENVIRONMENTS:
        definition = (ROOT / "containers" / f"{kind}.def").read_text()
        assert f"requirements/{kind}.lock /opt/skybake/requirements.lock" in definition
        assert (ROOT / "envs" / f"{kind}.yaml").exists()


def test_raw_data_may_lie_where_no_container_looks(checkout, images, ingested, tmp_path):
    """A link in the working directory to a folder that Apptainer does not mount by itself."""
    elsewhere = Path("/srv/skybake-test")
    shutil.rmtree(elsewhere, ignore_errors=True)
    shutil.copytree(ingested.folder / "results/clusters/raw", elsewhere)
    (tmp_path / "data").symlink_to(elsewhere)
    config = copy.deepcopy(CONFIG)
    del config["datasets"]["clusters"]["mock"]
    config["datasets"]["clusters"]["raw"] = {name: f"data/{file}" for name, file in efeds.RAW_FILES.items()}
    bakeoff = Bakeoff(tmp_path, checkout)
    bakeoff.write(config)
    try:
        hidden = execute(images / "data.sif", f"import os; print(os.path.exists({str(elsewhere)!r}))")
        assert hidden.stdout == "False\n"
        bakeoff.snakemake("results/clusters/dataset.h5", "--software-deployment-method", "apptainer")
    finally:
        shutil.rmtree(elsewhere)
    assert (tmp_path / "results/clusters/rejected.csv").exists()
