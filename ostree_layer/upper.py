# SPDX-License-Identifier: GPL-2.0-or-later
"""What an overlayfs upper directory says happened to its lower."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ostree_layer.errors import CommitError

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


class Changes(NamedTuple):
    """The paths that an upper brings, and those of its lower that it replaces or removes (a directory is one)."""

    added: frozenset[str]
    replaced: frozenset[str]

    def below(self, *folders: str) -> set[str]:
        """The paths at or below one of folders."""
        return {p for p in self.added | self.replaced if any(p == f or p.startswith(f + "/") for f in folders)}


def changes(upper: Path, lower: Path) -> Changes:
    """What an upper says; the directories that it only passes through are no change."""
    paths = frozenset(_changed(os.fspath(upper), ""))
    replaced = frozenset(path for path in paths if os.path.lexists(f"{lower}/{path}"))
    return Changes(paths - replaced, replaced)


def _changed(directory: str, prefix: str) -> Iterator[str]:
    for entry in entries(directory):
        if entry.kind is not Kind.MERGED:
            yield prefix + entry.name
        if entry.kind in (Kind.MERGED, Kind.REPLACED):
            yield from _changed(entry.path, f"{prefix}{entry.name}/")


def require_representable(entry: Entry, shown: str) -> None:
    """Refuse what a commit cannot hold, in an error that names it `shown`."""
    if entry.kind is Kind.SPECIAL:
        raise CommitError(f"{shown} is a device, a socket or a fifo, and a tree cannot hold one")
    try:
        entry.name.encode()
    except UnicodeEncodeError as e:
        name = os.fsencode(shown).decode(errors="backslashreplace")
        raise CommitError(f"the name of {name} is not UTF-8, and a tree cannot hold one that is not") from e


def _is_opaque(path: str) -> bool:
    return OPAQUE in os.listxattr(path, follow_symlinks=False)


def forget_overlay(path: str) -> None:
    """Take overlayfs's own extended attributes, which mean nothing in a commit, off path."""
    for name in os.listxattr(path, follow_symlinks=False):
        if name.startswith(OVERLAY_XATTRS):
            os.removexattr(path, name, follow_symlinks=False)
