"""``python -m skybake check FILE...``: is a config right, or a plug-in, before Snakemake is started?

``python -m skybake propose --images ... --catalogue ...``: a first config for files of one's own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skybake.config.plan import Plan


def main(words: Sequence[str] | None = None) -> int:
    """Check files, say what follows from each or what is wrong, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m skybake", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check configs and say what they would train; check plug-ins by use")
    check.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a config: YAML; or a plug-in of skybake/: .py"
    )
    propose = commands.add_parser("propose", help="look at images and their catalogue, and write a first config")
    propose.add_argument("--images", type=Path, required=True, help="folder of images, or one file with all of them")
    propose.add_argument("--catalogue", type=Path, help="table with a row for each; by default beside the images")
    propose.add_argument("--label", default="", help="column to predict; by default a likely one")
    propose.add_argument("--out", type=Path, default=Path("mine.yaml"), help="the config to write (mine.yaml)")
    given = parser.parse_args(words)
    if given.command == "propose":
        return _proposed(given)
    return max((_checked_plugin if _is_plugin(path) else _checked)(path) for path in given.files)


def _proposed(given: argparse.Namespace) -> int:
    from skybake.files import atomic_write
    from skybake.raw import RawError
    from skybake.raw.propose import propose

    if given.out.exists():
        print(f"{given.out}: is there already. Hint: --out names another file", file=sys.stderr)
        return 1
    try:
        text = propose(given.images, given.catalogue, given.label, str(given.out))
    except RawError as error:
        print(str(error), file=sys.stderr)
        return 1
    with atomic_write(given.out) as beside:
        beside.write_text(text, encoding="utf-8")
    print(f"{given.out}: written. Look at what is marked with (?)")
    return _checked(given.out)


def _is_plugin(path: Path) -> bool:
    library = Path(__file__).resolve().parent
    return path.suffix == ".py" or (path.is_dir() and path.resolve().is_relative_to(library))


def _checked_plugin(path: Path) -> int:
    from skybake import testing

    testing.prepare()
    problems = testing.check(path)
    print("\n".join(problems) or f"{path}: right.", file=sys.stderr if problems else sys.stdout)
    return 1 if problems else 0


def _checked(path: Path) -> int:
    from skybake import metrics
    from skybake.config import ConfigError, make_plan, yaml_files

    try:
        plan = make_plan(yaml_files.read(path))
    except ConfigError as error:
        print(str(error) if str(error).startswith(str(path)) else f"{path}: {error}", file=sys.stderr)
        return 1
    if problems := list(_raw_problems(plan)):
        print("\n".join(f"{path}: {problem}" for problem in problems), file=sys.stderr)
        return 1
    metrics.declared()  # says what is left out
    trainings = [job for job in plan.combinations if job.loss is not None]
    points = sum(max(1, len(job.points)) * len(job.seeds) * job.folds for job in trainings)
    baselines = len(plan.combinations) - len(trainings)
    print(
        f"{path}: right. Datasets: {', '.join(plan.datasets())}. Rows: {len(trainings)} of networks"
        f" ({points} trainings with all seeds), {baselines} of baselines. Results: {plan.paths.results}/"
    )
    return 0


def _raw_problems(plan: Plan) -> Iterator[str]:
    """Find what the headers of raw files tell, as columns that are missing: Snakemake would say it in a job."""
    from skybake.inputs import InputError, Inputs
    from skybake.raw import RawError

    for name in plan.blocks:
        reader = plan.survey(name).load()
        if not hasattr(reader, "check") or plan.is_mock(name):
            continue
        if not all(Path(raw).exists() for raw in plan.downloaded(name).values()):
            continue  # nobody knows before they are downloaded
        try:
            found = reader.check({key: Path(raw) for key, raw in plan.raw(name).items()}, plan.reader_options(name))
        except RawError as error:
            yield f"{name.replace('/', '.') if '/' in name else f'datasets.{name}'}: {error}"
            continue
        if found is not None:
            try:
                like = plan.like(name)
                Inputs(plan.inputs(like), plan.derived(like)).check(found, f"datasets.{like}")
            except InputError as error:
                yield str(error)


if __name__ == "__main__":
    sys.exit(main())
