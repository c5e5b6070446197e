"""Write the conda environments from the lock files, so that there is one source of versions: ``make lock``."""

import re
from pathlib import Path

HERE = Path(__file__).parent
KINDS = ("data", "mock", "train-cpu", "train-gpu", "report")
PROGRAMS = {"report": ("graphviz>=2.40",)}  # that no Python package brings: dot draws networks


def environment(kind: str) -> str:
    """Return the conda environment of a kind of step, with every version of its lock file."""
    lock = (HERE.parent / "requirements" / f"{kind}.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9][^\s;]*==[^\s;]+(?: ; [^\\\n]+?)?) *\\?$", lock, flags=re.MULTILINE)
    lines = [f'      - "{pin}"' for pin in pins]
    head = f"# Made from requirements/{kind}.lock by make lock.\nname: skybake-{kind}\nchannels:\n  - conda-forge\n"
    first = "".join(f"  - {name}\n" for name in ("python=3.11", *PROGRAMS.get(kind, ()), "pip"))
    return head + f"dependencies:\n{first}  - pip:\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    for kind in KINDS:
        (HERE / f"{kind}.yaml").write_text(environment(kind), encoding="utf-8")
