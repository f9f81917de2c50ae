# SPDX-License-Identifier: GPL-2.0-or-later
"""What an overlayfs upper directory says happened to its lower."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

OPAQUE = "trusted.overlay.opaque"
OVERLAY_XATTRS = "trusted.overlay."


class Kind(enum.Enum):
    MERGED = "a directory: what the lower has in it stays"
    REPLACED = "a directory: nothing of the lower's stays"
    WRITTEN = "a file or a symbolic link"
    REMOVED = "a whiteout"
    SPECIAL = "a device, a socket or a fifo"


class Entry(NamedTuple):
    name: str
    path: str
    kind: Kind


def entries(directory: str) -> Iterator[Entry]:
    """Yield the entries of one directory of an upper, by name."""
    with os.scandir(directory) as found:
        for entry in sorted(found, key=lambda e: e.name):
            yield Entry(entry.name, entry.path, _kind(entry))


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_dir(follow_symlinks=False):
        return Kind.REPLACED if _is_opaque(entry.path) else Kind.MERGED
    if entry.is_file(follow_symlinks=False) or entry.is_symlink():
        return Kind.WRITTEN
    status = entry.stat(follow_symlinks=False)
    return Kind.REMOVED if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0 else Kind.SPECIAL


def _is_opaque(path: str) -> bool:
    return OPAQUE in os.listxattr(path, follow_symlinks=False)


def forget_overlay(path: str) -> None:
    """Take overlayfs's own extended attributes, which mean nothing in a commit, off path."""
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith(OVERLAY_XATTRS):
            os.removexattr(path, name, follow_symlinks=False)
