"""The last line on the terminal, where a Ctrl-C or a removed folder ends a run: what happened, and how to go on."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

_came: list[int] = []
_watched: dict[Path, int] = {}


def say_at_exit(words: Sequence[str]) -> None:
    """Let this process end with a line about a Ctrl-C or a removed folder, if there is one; for the Snakefile.

    Args:
        words: Of the command, as in ``sys.argv``.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _note)
        atexit.register(_say, command(words))


def hold_for_scripts() -> None:
    """Let a Ctrl-C wait for scripts that still import, which would print a traceback; for the Snakefile.

    They get it when their log begins: :func:`skybake.workflow.logs.to_file`. A container may have another ``env``.
    """
    from snakemake.shell import shell

    holding = ["env", "--block-signal=INT"]  # of GNU's coreutils from 8.31 on
    with suppress(OSError):
        if subprocess.run([*holding, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            shell.prefix(f"set -euo pipefail; {shlex.join(holding)} ")


def watch(folder: str) -> None:
    """See whether a folder, which is made if it is not there, stays until this process ends."""
    path = Path(folder).absolute()
    path.mkdir(parents=True, exist_ok=True)
    _watched[path] = os.open(path, os.O_RDONLY)  # while it is open, no other folder gets its number


def interrupted() -> bool:
    """Tell whether a Ctrl-C came."""
    return bool(_came)


def command(words: Sequence[str]) -> str:
    """Return a command of Snakemake as a person types it."""
    program = Path(words[0])
    module = program.name == "__main__.py"
    return shlex.join([*(["python", "-m", program.parent.name] if module else [program.name]), *words[1:]])


def _note(number: int, frame: FrameType | None) -> NoReturn:
    _came.append(number)
    signal.default_int_handler(number, frame)


def _is_gone(path: Path, descriptor: int) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return True


def _say(again: str) -> None:
    lines = [
        f"{path} was removed during this run, so what was in it is lost. To begin anew: {again}"
        for path, descriptor in _watched.items()
        if _is_gone(path, descriptor)
    ]
    if interrupted() and not lines:
        lines = [f"Interrupted. What is finished is kept, and the state of trainings. To go on: {again}"]
    with suppress(OSError):  # the terminal may be closed
        print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr, flush=True)
