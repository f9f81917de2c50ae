# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the paths that a transaction wrote belong in a tree."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ostree_layer import account_files, upper
from ostree_layer.errors import CommitError
from ostree_layer.upper import Kind

# Where something is mounted while a transaction runs, or when the host runs.
MOUNT_POINTS = ("boot", "dev", "etc", "proc", "run", "sys", "sysroot", "tmp", "var")
# Left behind by the account tools and by rpm: of no use in a tree, and different on each run.
LEFTOVERS = (
    *(f"usr/etc/{name}{end}" for name in account_files.FILES for end in ("-", ".lock")),
    "usr/etc/.pwd.lock",
    "usr/lib/sysimage/rpm/.rpm.lock",
    "usr/share/rpm/.rpm.lock",
)


def drop_leftovers(root: Path) -> None:
    for name in LEFTOVERS:
        (root / name).unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Take away what is at path, whatever it is, if anything is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check(staged: Path, lower: Path) -> None:
    """Refuse an upper that holds what a tree cannot; drop the empty directories that were only mounted on.

    A directory that the lower has at its top, and that is no mount point, is the tree's own.
    """
    for entry in upper.entries(os.fspath(staged)):
        is_own = (
            entry.name not in MOUNT_POINTS and (lower / entry.name).is_dir() and not (lower / entry.name).is_symlink()
        )
        if entry.name == "usr" or is_own or (entry.kind is Kind.WRITTEN and os.path.islink(entry.path)):
            _require_representable(entry, entry.name)
            continue
        found = _first_below(entry.path) if entry.kind is Kind.MERGED else ""
        if found is not None:
            raise CommitError(f"{_shown(os.path.join(entry.name, found))} fits nowhere in an OSTree tree", hint=RULE)
        shutil.rmtree(entry.path)


RULE = "a tree holds /usr and /etc; /var, /opt, /srv, /home and /root are kept in /var"


def _require_representable(entry: upper.Entry, path: str) -> None:
    upper.require_representable(entry, _shown(path))
    if entry.kind in (Kind.MERGED, Kind.REPLACED):
        for below in upper.entries(entry.path):
            _require_representable(below, f"{path}/{below.name}")


def _shown(path: str) -> str:
    """A path of the tree as packages and users name it."""
    return f"/{path[len('usr/') :]}" if path.startswith("usr/etc/") else f"/{path}".rstrip("/")


def _first_below(directory: str) -> str | None:
    """The first path below directory that is not a directory itself."""
    for folder, _directories, files in os.walk(directory):
        for name in sorted(files):
            return os.path.relpath(os.path.join(folder, name), directory)
    return None
