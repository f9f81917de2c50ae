# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a new tree is not brought into a running system, but left to the reboot."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from ostree_layer import database, rpmdb
from ostree_layer.errors import HostError
from ostree_layer.layout.places import PLACES
from ostree_layer.model import Package, PackageDiff

# What a running kernel loads is its own.
MODULES = "usr/lib/modules/"


class Left:
    """The names of packages that stay as they are, and the paths, as a tree has them, that stay with them."""

    def __init__(self, names: Collection[str] = (), paths: Collection[str] = ()) -> None:
        self.names = tuple(sorted(names))
        self._paths = frozenset(paths)
        self._keeps_modules = any(path.startswith(MODULES) for path in paths)

    def has(self, path: str) -> bool:
        """Whether a path stays, and all that is below it."""
        return path in self._paths or (self._keeps_modules and f"{path}/" == MODULES)


def left(old: Path, new: Path, changes: PackageDiff, patterns: Iterable[str]) -> Left:
    """What stays of the changes from the tree `old` to `new`: the packages whose names patterns match, and those that
    need their new versions."""
    changed = {package.name for package in _packages(changes)}
    stay = {name for name in changed for pattern in patterns if fnmatchcase(name, pattern)}
    if not stay:
        return Left()
    databases = [(root, database.find_rpmdb(root)) for root in (old, new)]
    known = [(root, dbpath) for root, dbpath in databases if dbpath]
    if len(known) < len(databases):
        raise HostError(f"{', '.join(sorted(stay))} cannot be told from the rest: a tree has no rpm database")
    while more := _broken(known, changed - stay):
        if not more - stay or not more <= changed:
            names = ", ".join(sorted(stay))
            raise HostError(f"nothing of this works beside the running {names}", hint="reboot to start it")
        stay |= more
    return Left(stay, {path for root, dbpath in known for path in _paths(root, dbpath, stay)})


def _packages(changes: PackageDiff) -> Iterator[Package]:
    yield from (*changes.added, *changes.removed)
    yield from (package for pair in (*changes.upgraded, *changes.downgraded) for package in pair)


def _broken(known: list[tuple[Path, str]], names: set[str]) -> set[str]:
    """The names of the packages that would lack something, were only those called names changed."""
    (old, dbpath), new = known
    return rpmdb.broken(old, dbpath, [header for header in rpmdb.headers(*new) if header["name"] in names], names)


def _paths(root: Path, dbpath: str, names: Collection[str]) -> Iterator[str]:
    """Where the tree has the files of packages."""
    yield from (_in_tree(root, path.lstrip("/")) for path in rpmdb.files_of(root, dbpath, names))


def _in_tree(root: Path, path: str) -> str:
    first, slash, rest = path.partition("/")
    if (root / first).is_symlink():
        path = os.readlink(root / first).lstrip("/") + slash + rest
    for seen, kept in (("etc", "usr/etc"), *((place.seen, place.kept) for place in PLACES)):
        if path.startswith(f"{seen}/"):
            return kept + path[len(seen) :]
    return path
