# SPDX-License-Identifier: GPL-2.0-or-later
"""Files with other owners, and copies with the same: the kernel drops setuid and capabilities on the way."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Union

Name = Union[str, Path]

CAPABILITY = "security.capability"


def give(path: Name, user: int, group: int) -> None:
    """Change the owner of a file, directory or link, and nothing else; -1 leaves one as it is."""
    status = os.lstat(path)
    has_capability = CAPABILITY in os.listxattr(path, follow_symlinks=False)
    capability = os.getxattr(path, CAPABILITY, follow_symlinks=False) if has_capability else b""
    os.chown(path, user, group, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(path, stat.S_IMODE(status.st_mode))
    if capability:
        os.setxattr(path, CAPABILITY, capability, follow_symlinks=False)


def copy(source: Name, target: Name, *, without: Collection[str] = ()) -> None:
    """Copy a file or link with its owner, mode and extended attributes but those in `without`."""
    shutil.copyfile(source, target, follow_symlinks=False)
    dress(source, target, without=without)


def dress(source: Name, target: Name, *, without: Collection[str] = ()) -> None:
    """Give target the owner, mode and extended attributes that source has."""
    status = os.lstat(source)
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(target, stat.S_IMODE(status.st_mode))
    for name in set(os.listxattr(source, follow_symlinks=False)).difference(without):
        os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
