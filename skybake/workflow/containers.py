"""Container images, built by Apptainer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from skybake.files import atomic_write

HOST = "/mnt/snakemake_searchpaths/"  # where Snakemake mounts the host's packages in a container
BASE = "SKYBAKE_BASE_IMAGE"  # environment variable: an image file in place of docker's


class ImageError(RuntimeError):
    """An image that is missing or cannot be built."""


def build(definition: Path, image: Path) -> None:
    """Build an image from ``containers/<kind>.def``, without being root.

    Raises:
        ImageError: Apptainer is not there, or fails.
    """
    base = os.environ.get(BASE, "")
    if base and not Path(base).exists():
        raise ImageError(f"{BASE}: no file {base!r}; expected an image with Python 3.11 and pip")
    arguments = ["--build-arg", "bootstrap=localimage", "--build-arg", f"base={Path(base).resolve()}"] if base else []
    # zstd packs many times faster than the default gzip
    packing = ["--mksquashfs-args", "-comp zstd -Xcompression-level 3"]
    with atomic_write(image) as beside:
        command = ["apptainer", "build", "--force", "--fakeroot", *packing, *arguments, str(beside), str(definition)]
        try:
            done = subprocess.run(command, cwd=definition.parents[1], check=False)
        except FileNotFoundError:
            raise ImageError("no apptainer here. Hint: build the images where it is installed, and copy them") from None
        if done.returncode != 0:
            raise ImageError(
                f"apptainer could not build {definition.name}. Hint: where no registry of images is reached, set {BASE}"
            )


def leave_host() -> None:
    """Take the host's packages off the search path of a script in a container, where Snakemake puts them last.

    Keras would import those that it finds, and what an image lacks would come from elsewhere unseen.
    """
    sys.path[:] = [folder for folder in sys.path if not folder.startswith(HOST)]


def are_used(methods: Iterable) -> bool:
    """Tell whether Apptainer is among the software deployment methods of a workflow."""
    return any(method.name == "APPTAINER" for method in methods)


def check(paths: Iterable[str]) -> None:
    """See that images are there before a job needs them.

    Raises:
        ImageError: Naming those that are missing.
    """
    missing = sorted(path for path in paths if not Path(path).exists())
    if missing:
        raise ImageError(
            f"no image {', '.join(missing)}. Hint: snakemake --cores 1 containers, with the same --profile, where the"
            " network is reached; or run without containers: leave software-deployment-method out of the profile"
        )
