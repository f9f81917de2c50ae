# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes one machine differ from all others has no place in a tree, which other machines may boot too."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from ostree_layer import rpmdb

# Each machine gets these when it boots or is set up; scriptlets make them for the machine that they believe to be on.
IDENTITY = {
    "etc": ("machine-id", "hostname", "adjtime", "resolv.conf"),
    "etc/ssh": ("ssh_host_*",),
    "var/lib/dbus": ("machine-id",),
    "var/lib/systemd": ("random-seed", "credential.secret"),
}


class File(NamedTuple):
    """A regular file or a symbolic link: its mode and owner, and its content or what it points to."""

    mode: int
    uid: int
    gid: int
    content: bytes


Files = dict[str, File]
# A machine-id that systemd fills when it boots.
EMPTY = File(stat.S_IFREG | 0o444, 0, 0, b"")


def remember(root: Path) -> Files:
    """What root has of a machine's identity, so that `restore` can bring it back."""
    return {path: file for path in _paths(root) if (file := _read(root / path)) is not None}


def restore(root: Path, before: Files) -> tuple[str, ...]:
    """Undo what scriptlets made of a machine's identity, and return its paths.

    What a package brought stays, and so does a symbolic link: it says where a machine keeps something, not what.
    """
    made = tuple(path for path in _paths(root) if _is_made_here(root, path, before))
    for path in made:
        (root / path).unlink()
        if path in before:
            _write(root / path, before[path])
    return made


def _paths(root: Path) -> Iterator[str]:
    for folder, patterns in IDENTITY.items():
        # A scriptlet may have made a link of it that leads out of the root.
        if os.path.realpath(root / folder) == os.path.join(os.path.realpath(root), folder) and (root / folder).is_dir():
            names = sorted(os.listdir(root / folder))
            yield from (f"{folder}/{name}" for name in names if any(fnmatch(name, wanted) for wanted in patterns))


def _is_made_here(root: Path, path: str, before: Files) -> bool:
    now = _read(root / path)
    if now is None or now == before.get(path) or stat.S_ISLNK(now.mode):
        return False
    return not rpmdb.is_as_packaged(root, f"/{path}")


def _read(path: Path) -> File | None:
    status = path.lstat()
    owned = (status.st_mode, status.st_uid, status.st_gid)
    if stat.S_ISLNK(status.st_mode):
        return File(*owned, os.fsencode(os.readlink(path)))
    return File(*owned, path.read_bytes()) if stat.S_ISREG(status.st_mode) else None


def _write(path: Path, file: File) -> None:
    if stat.S_ISLNK(file.mode):
        path.symlink_to(os.fsdecode(file.content))
    else:
        path.write_bytes(file.content)
        path.chmod(stat.S_IMODE(file.mode))
    os.chown(path, file.uid, file.gid, follow_symlinks=False)
