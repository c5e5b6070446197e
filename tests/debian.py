"""What tests install by scripts of their own, where they run as root on Debian."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def wanting() -> str:
    """Say why nothing can be installed on this machine; nothing on Debian as root."""
    if not sys.platform.startswith("linux") or not Path("/etc/debian_version").exists():
        return "this is not Debian"
    return "this is not root" if os.geteuid() != 0 else ""


def script(path: Path, *arguments: str | Path) -> None:
    """Run a script that installs or starts something; one that fails fails the tests.

    They are skipped only where there is no Debian or no root, and never in CI.
    """
    why = wanting()
    if why:
        told = f"{why}, which {path.name} needs"
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{path.name}: {done.stderr.strip()[-2000:]}")
