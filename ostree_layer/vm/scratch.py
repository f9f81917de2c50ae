# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder that a machine's disk is made in, which can be removed whatever has become of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ostree_layer import process

# What is to be a disk, beside its image.
SYSROOT = "sysroot"


def remove(folder: Path) -> None:
    """Remove a folder that has a sysroot in it, whatever has become of that."""
    try:
        shutil.rmtree(folder)
    except PermissionError:  # as libostree protects deployments
        deployments = (folder / SYSROOT).glob("ostree/deploy/*/deploy/*.[0-9]*")
        process.run(["chattr", "-i", *(os.fspath(path) for path in deployments if path.is_dir())])
        shutil.rmtree(folder)
