# SPDX-License-Identifier: GPL-2.0-or-later
"""Why packages could not be unpacked into a root: rpm tells its log only, and DNF nobody."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ostree_layer import rpmdb


def explain(root: Path, failed: Iterable[Path], needed: int, where: str) -> list[str]:
    """Why RPM files failed, for which rpm gives no reason: they do not fit into root, or all `needed` bytes do not.

    `where` names the file system that root is on.
    """
    found = [next(_misfits(root, rpmdb.header_of(package)), "") for package in failed]
    return list(filter(None, [*found, _lack_of_space(needed, root, where)]))


def _lack_of_space(needed: int, folder: Path, sysroot: str) -> str:
    file_system = os.statvfs(folder)
    left = file_system.f_bavail * file_system.f_frsize
    if needed <= left:
        return ""
    return f"no space left for {needed >> 20} MB of packages: {sysroot} has {left >> 20} MB"


def _misfits(root: Path, header: Any) -> Iterator[str]:
    for path, mode in zip(header["filenames"], header["filemodes"]):
        at, kind = f"{root}{path}", mode & 0xFFFF
        if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            yield f"{path} is a device, and a tree cannot hold one"
        if not stat.S_ISDIR(kind) and os.path.isdir(at) and not os.path.islink(at):
            yield f"{path} is a directory in the tree, and none in the package"
        folder = os.path.dirname(at)
        if os.path.lexists(folder) and not os.path.isdir(folder):
            yield f"{os.path.dirname(path)} is no directory in the tree, and the package has {path}"
