# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a deployment that waits runs already: overlays on /usr, the last of which is all that is seen.

Each is one mount of a layer over the booted deployment's /usr, so whatever happens, /usr is that of one tree. Layers
are folders of ours, with a record of what was given to /etc; those that are not mounted are left by a former boot.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import etc_defaults, files, live_state, process
from ostree_layer.errors import CommandError, DeployError
from ostree_layer.live_model import Record

LAYER = "usr"
# How it is done for everybody, from the private mount namespace that a run is in.
FOR_ALL = ("nsenter", "--target=1", "--mount")


@contextlib.contextmanager
def new_layer(work: Path) -> Iterator[Path]:
    """A folder for a layer and its record, which is gone if the body fails."""
    (work / live_state.FOLDER).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=work / live_state.FOLDER))
    try:
        yield folder
    except BaseException:
        if folder.name not in live_state.names():
            shutil.rmtree(folder)
        raise


def write(folder: Path, record: Record) -> None:
    """Keep a record, before anything that it speaks of is done."""
    files.replace(folder / live_state.RECORD, json.dumps(dataclasses.asdict(record)).encode())


def show(folder: Path, lower: Path) -> None:
    """Let everybody see the layer of a folder over the /usr `lower`, at once, and read-only."""
    options = f"ro,lowerdir={folder / LAYER}:{lower}"
    with _translated("the new /usr cannot be shown"):
        process.run(
            [
                *FOR_ALL,
                "mount",
                "--types=overlay",
                f"--options={options}",
                live_state.SOURCE + folder.name,
                "/usr",
            ]
        )


def hide(work: Path) -> None:
    """Let everybody see the booted deployment's /usr again."""
    with _translated("the former /usr cannot be shown again"):
        for _live in live_state.mounted(work):
            process.run([*FOR_ALL, "umount", "--lazy", "/usr"])


def sweep(work: Path, sysroot: Path) -> None:
    """Take back what former boots have left: their layers, and what they gave to /etc and nobody has touched."""
    if not (work / live_state.FOLDER).is_dir():
        return
    names = set(live_state.names())
    for folder in (folder for folder in (work / live_state.FOLDER).iterdir() if folder.name not in names):
        if (folder / live_state.RECORD).exists():
            take_back(live_state.read(folder), sysroot)
        shutil.rmtree(folder)


def take_back(record: Record, sysroot: Path) -> None:
    """Let the /etc of the deployment have its own defaults again, where nobody has touched those that it was given."""
    deployment = sysroot / record.deployment
    if deployment.exists():
        etc_defaults.take_back(record.etc, deployment / "usr/etc", deployment / "etc")


@contextlib.contextmanager
def _translated(failing: str) -> Iterator[None]:
    try:
        yield
    except CommandError as e:
        raise DeployError(f"{failing}: {e}") from e
