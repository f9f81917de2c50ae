# SPDX-License-Identifier: GPL-2.0-or-later
"""How one folder differs from another in what a commit keeps of it, and the same done to a third."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ostree_layer import ownership, upper
from ostree_layer.labels import LABEL
from ostree_layer.layout.paths import remove
from ostree_layer.upper import Entry, Kind

REDIRECT = "trusted.overlay.redirect"
BLOCK = 1 << 20


class Act(enum.Enum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class Change(NamedTuple):
    """What happened to a path, which is relative to the folders; `is_directory`: it is one, or was where it is gone."""

    path: str
    act: Act
    is_directory: bool


def compare(old: Path, new: Path, path: str) -> Iterator[Change]:
    """How new differs from old at path and below, parents first; CommitError from what a tree cannot hold.

    Times and SELinux labels are no difference.
    """
    before, after = _status(old / path), _status(new / path)
    was_directory, is_directory = (s is not None and stat.S_ISDIR(s.st_mode) for s in (before, after))
    if after is not None and not stat.S_ISDIR(after.st_mode):
        _require_representable(new, path, after)
    if act := _act(old / path, new / path, before, after):
        yield Change(path, act, is_directory if after is not None else was_directory)
    both = ((old, was_directory), (new, is_directory))
    for name in sorted({name for folder, has_names in both if has_names for name in os.listdir(folder / path)}):
        yield from compare(old, new, f"{path}/{name}")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _require_representable(root: Path, path: str, status: os.stat_result) -> None:
    is_plain = stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
    entry = Entry(os.path.basename(path), os.fspath(root / path), Kind.WRITTEN if is_plain else Kind.SPECIAL)
    upper.require_representable(entry, f"/{path}")


def _act(old: Path, new: Path, before: os.stat_result | None, after: os.stat_result | None) -> Act | None:
    if after is None:
        return None if before is None else Act.REMOVED
    if before is None:
        return Act.ADDED
    is_same = os.path.samestat(before, after) or not _differ(old, new, before, after)
    return None if is_same else Act.CHANGED


def _differ(old: Path, new: Path, before: os.stat_result, after: os.stat_result) -> bool:
    """Whether two paths that are there differ, if they are directories without what is in them."""
    if any(getattr(before, name) != getattr(after, name) for name in ("st_mode", "st_uid", "st_gid")):
        return True
    if _xattrs(old) != _xattrs(new):
        return True
    if stat.S_ISLNK(before.st_mode):
        return os.readlink(old) != os.readlink(new)
    return stat.S_ISREG(before.st_mode) and (before.st_size != after.st_size or _content_differs(old, new))


def _xattrs(path: Path) -> dict[str, bytes]:
    names = set(os.listxattr(path, follow_symlinks=False)) - {LABEL}
    kept = (name for name in names if not name.startswith(upper.OVERLAY_XATTRS))
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in kept}


def _content_differs(old: Path, new: Path) -> bool:
    with old.open("rb") as first, new.open("rb") as second:
        while True:
            here, there = first.read(BLOCK), second.read(BLOCK)
            if here != there:
                return True
            if not here:
                return False


def written(layer: Path, old: Path, new: Path, path: str) -> Iterator[Change]:
    """How new, an overlay, differs from old, its lower, at what `layer`, its upper, says may differ.

    Of the upper only the names are read: it may hold references into the lower in the place of what it seems to be.
    """
    for entry in upper.entries(os.fspath(layer)):
        below = f"{path}/{entry.name}"
        is_passed = entry.kind is Kind.MERGED and REDIRECT not in os.listxattr(entry.path)
        before = _status(old / below)
        if not (is_passed and before is not None and stat.S_ISDIR(before.st_mode)):
            yield from compare(old, new, below)
            continue
        if act := _act(old / below, new / below, before, _status(new / below)):
            yield Change(below, act, True)
        yield from written(Path(entry.path), old, new, below)


def apply(changes: Iterable[Change], source: Path, target: Path) -> None:
    """Let each path of the changes be in target what it is in source; labels are left to the tree's policy."""
    for change in changes:
        wanted, made = source / change.path, target / change.path
        if change.act is Act.REMOVED:
            if os.path.lexists(made):
                remove(made)
        elif change.is_directory:
            _make_directory(wanted, made)
        else:
            remove(made)
            ownership.copy(wanted, made, without={LABEL})


def _make_directory(wanted: Path, made: Path) -> None:
    if made.is_symlink() or not made.is_dir():
        remove(made)
        made.mkdir()
    for name in _xattrs(made).keys() - _xattrs(wanted).keys():
        os.removexattr(made, name)
    ownership.dress(wanted, made, without={LABEL})
