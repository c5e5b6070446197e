"""Lock files, conda environments and pyproject.toml are one source of versions."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skybake.workflow import digests, jobs
from tests.conftest import ROOT


def of_folder(name):
    """Import a file of envs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "envs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


from_locks, importable = of_folder("from_locks"), of_folder("importable")


def pins(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    return set(re.findall(r"^([a-z0-9][^\s;]*==\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("kind", from_locks.KINDS)
def test_conda_environments_follow_the_locks(kind):
    text = (ROOT / "envs" / f"{kind}.yaml").read_text()
    assert text == from_locks.environment(kind), "Hint: make lock"
    assert len(pins(kind)) > 10
    assert all(f'"{pin}' in text for pin in pins(kind))


@pytest.mark.parametrize("kind", from_locks.KINDS)
def test_all_environments_have_the_versions_that_tests_run_with(kind):
    """But for what needs a GPU, which no other environment has."""
    others = {
        pin
        for pin in pins(kind) - pins("dev")
        if not (kind == "train-gpu" and pin.startswith(("nvidia-", "jax-cuda12-")))
    }
    assert not others


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda path: path.stem)
def test_locks_hold_hashes_and_no_addresses(path):
    text = path.read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text.replace("--no-emit-index-url", ""))


MODULES = {  # distribution -> what is imported of it, where that is not its name
    "jax": ["jax"],
    "pillow": ["PIL"],
    "pyyaml": ["yaml"],
    "scikit-learn": ["sklearn"],
    "tensorflow-cpu": ["tensorflow"],
    "tensorboardx": ["tensorboardX"],
}
FOUND_BY_NAME = {  # rooms whose files a script imports by name
    "data": ["raw", "fetch", "baselines"],
    "mock": ["mock"],
    "train-cpu": ["models", "losses"],
    "train-gpu": ["models", "losses"],
    "report": ["figures", "metrics"],
}
ABROAD = {  # file -> what it imports in functions that steps of these kinds do not call
    "skybake/data/splits/__init__.py": {"sklearn"},  # others read a split, and do not make one
    "skybake/workflow/jobs.py": {"snakemake"},  # what Snakemake's own process calls
    "skybake/results/distributions.py": {"scoringrules"},  # scores, which a catalogue of predictions has none of
    "skybake/raw/tables.py": {"pandas"},  # what reads catalogues; a simulator takes names of columns from a reader
    "skybake/losses/_keras.py": {"keras"},  # a loss, which its own module builds
    "skybake/losses/_numbers.py": {"keras"},
    "skybake/losses/_rows.py": {"keras"},
}


def declared(extra):
    """Return the modules of the packages that an extra declares, those of the extras that it takes in among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = set()
    for requirement in map(Requirement, [*project["dependencies"], *project["optional-dependencies"][extra]]):
        name = canonicalize_name(requirement.name)
        if name == project["name"]:
            found = found.union(*map(declared, requirement.extras))
        else:
            found.update(MODULES.get(name, [name.replace("-", "_")]))
    return found


def scripts(kind):
    """Return the scripts of the rules that run in an environment."""
    found = set()
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^ *rule\b", path.read_text(), flags=re.MULTILINE):
            environment = re.search(r"envs/(.+?)\.yaml", rule)
            script = re.search(r"scripts/(\w+\.py)", rule)
            if environment and script:
                of_training = environment[1].startswith("{TRAINED_IN[") and kind.startswith("train-")
                if environment[1] == kind or of_training or environment[1] == "{kind}" != kind[:5] != "train":
                    found.add(ROOT / "scripts" / script[1])
    return found


def undeclared(starts, extra):
    """Return ``file: module`` of what files import at any depth and an extra does not declare."""
    known = {*sys.stdlib_module_names, "skybake", *declared(extra)}
    found = set()
    for path in digests.used_files(starts):
        tree, place = ast.parse(path.read_text()), path.relative_to(ROOT).as_posix()
        for node in ast.walk(tree):  # first, since what is walked through is listed ahead
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = []
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            roots = {name.split(".")[0] for name in names} - known
            found |= {f"{place}: {root}" for root in roots - ABROAD.get(place, set())}
    return found


@pytest.mark.parametrize("kind", jobs.ENVIRONMENTS)
def test_steps_import_what_their_environment_declares(kind):
    """A package that only another one brings goes away with that one."""
    starts = scripts(kind)
    assert len(starts) >= (1 if kind == "mock" else 4)
    for room in FOUND_BY_NAME[kind]:
        starts |= set((ROOT / "skybake" / room).rglob("*.py"))
    assert not undeclared(starts, kind)


def test_snakemakes_own_process_imports_what_is_declared():
    text = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    starts = set()
    for room, names in re.findall(r"^ *from (skybake[.\w]*) import ([\w, ]+)$", text, flags=re.MULTILINE):
        for name in names.split(", "):
            starts.add(next(path for path in places(f"{room}.{name}") if path.is_file()))
    assert len(starts) > 10
    assert not undeclared(starts, "slurm")


def places(module):
    """Return the files that a dotted name may mean: a module, a room, or a name in one."""
    path = ROOT.joinpath(*module.split("."))
    return [path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py"), path.parent / "__init__.py"]


def test_ingesting_needs_no_simulator():
    assert {"galsim", "colossus"} <= declared("mock")
    assert not {"galsim", "colossus"} & (declared("data") | {pin.split("==")[0] for pin in pins("data")})


def test_an_environment_imports_its_own_checkout_last(tmp_path):
    """Two checkouts may share an environment: each runs its own code, and a notebook elsewhere finds one of them."""
    site, other = tmp_path / "site", tmp_path / "other"
    (other / "skybake").mkdir(parents=True)
    (other / "skybake" / "__init__.py").touch()
    site.mkdir()
    (site / "skybake.pth").write_text(importable.LINE.format(root=str(ROOT)) + "\n")
    code = f"import site, sys; site.addsitedir({str(site)!r}); sys.path[:] = [p for p in sys.path if p]; "
    for before, found in (("", ROOT), (f"sys.path.append({str(other)!r}); ", other)):
        command = [sys.executable, "-S", "-c", f"{code}{before}import skybake; print(skybake.__file__)"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(found / "skybake" / "__init__.py")
