"""A warning that the time is over, handed on to the scripts of Snakemake's process; only the Snakefile knows of it."""

from __future__ import annotations

import os
import re
import signal
import threading
from contextlib import suppress
from pathlib import Path

import psutil


def forward_to_scripts() -> None:
    """Let the scripts below this process know of a SIGTERM that comes to it.

    Ahead of the time limit SLURM warns only the process that it started itself. That is Snakemake, which then waits for
    its script as long as it takes. It has a handler of its own; a wakeup descriptor is told of signals beside it.
    """
    if threading.current_thread() is threading.main_thread():
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=_forward, args=(reading,), daemon=True).start()


def _forward(reading: int) -> None:
    while numbers := os.read(reading, 64):
        if signal.SIGTERM in numbers:
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error, OSError):
                    if process.name().startswith("python") and _heeds_sigterm(process.pid):
                        process.send_signal(signal.SIGTERM)


def _heeds_sigterm(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM, and does not just die of it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)
