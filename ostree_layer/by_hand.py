# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the changes in a /usr nobody but the admin can have made: no package brought it, or took it away."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Callable

from ostree_layer import database, rpmdb
from ostree_layer.by_hand_model import ByHand
from ostree_layer.errors import HostError
from ostree_layer.folders import Act, Change
from ostree_layer.layout.paths import LEFTOVERS
from ostree_layer.layout.places import PLACES
from ostree_layer.model import Package
from ostree_layer.rpm_model import PackagedFile

# What the package tools write by themselves: it is of the tree, and nobody's work.
BOOKS = (*(f"{directory}/" for directory in database.RPMDB_DIRECTORIES), f"{database.HISTORY_DIRECTORY}/")
CACHE = "__pycache__"


@dataclasses.dataclass(frozen=True)
class Books:
    """A tree's rpm database, in a place where it may be written to, as the mere reading of one is.

    `links` are the folders of the tree that packages may know by another name: that, and the tree's.
    """

    root: Path
    dbpath: str
    links: tuple[tuple[str, str], ...]

    @classmethod
    def copied(cls, tree: Path, links: Path, root: Path) -> Books:
        """That of a tree; the links are those at the top of another one, which may have nothing but /usr."""
        dbpath = database.find_rpmdb(tree)
        if dbpath is None:
            raise HostError(f"{tree} has no rpm database")
        shutil.copytree(tree / dbpath, root / dbpath)
        top = [(path.name, os.readlink(path).lstrip("/")) for path in links.iterdir() if path.is_symlink()]
        places = [(place.link or place.seen, place.kept) for place in PLACES]
        return cls(root, dbpath, (("etc", "usr/etc"), *top, *places))

    def packages(self) -> tuple[Package, ...]:
        return rpmdb.installed_packages(self.root, self.dbpath)

    def owned(self, paths: Collection[str]) -> dict[str, PackagedFile]:
        """What packages say of the paths that they have."""
        names = {name: path for path in paths for name in self._names(path)}
        found = rpmdb.packaged_at(self.root, self.dbpath, names)
        return {names[name]: file for name, file in found.items()}

    def _names(self, path: str) -> Iterator[str]:
        yield f"/{path}"
        for seen, kept in self.links:
            if path.startswith(f"{kept}/"):
                yield f"/{seen}{path[len(kept) :]}"


@dataclasses.dataclass(frozen=True)
class Found:
    """The changes that are to become the tree's, and what of them is by hand; `owners` has packages by path."""

    changes: tuple[Change, ...]
    fresh: ByHand
    owners: dict[str, str]
    before: tuple[Package, ...]
    now: tuple[Package, ...]

    def __bool__(self) -> bool:
        """Whether there is more than databases that somebody has read."""
        return self.before != self.now or any(not _is_of_books(change.path) for change in self.changes)

    def in_all(self, former: ByHand) -> ByHand:
        """What is by hand in the new tree, where `former` was in the one before."""
        touched = {_shown(change) for change in self.changes}
        both = (
            sorted({*(path for path in old if path not in touched), *new})
            for old, new in zip(dataclasses.astuple(former), dataclasses.astuple(self.fresh))
        )
        return ByHand(*map(tuple, both))


def sort_out(changes: Iterable[Change], tree: Path, was: Books, now: Books, former: ByHand) -> Found:
    """Sort the changes that led to a tree, between two states of its rpm database.

    What programs leave behind by running is dropped. `former` is what was by hand before.
    """
    kept = [change for change in changes if change.path not in LEFTOVERS]
    owned = now.owned([change.path for change in kept])
    kept = [change for change in kept if change.path in owned or CACHE not in change.path.split("/")]
    leaves = [change for change in _leaves(kept) if not _is_of_books(change.path)]
    packages = was.packages(), now.packages()
    gone = {change.path for change in leaves if change.act is Act.REMOVED and change.path not in owned}
    erased = {f"/{path}" for path in was.owned(gone)} if packages[0] != packages[1] else set()
    fresh = ByHand(
        unowned=_paths(leaves, lambda one: one.act is not Act.REMOVED and one.path not in owned),
        changed=_paths(leaves, lambda one: one.path in owned and not _is_as_packaged(tree, one, owned[one.path])),
        removed=tuple(
            path
            for path in _paths(leaves, lambda one: one.act is Act.REMOVED)
            if path not in erased and path not in former.unowned
        ),
    )
    owners = {f"/{path}": file.package.rsplit("-", 2)[0] for path, file in owned.items()}
    return Found(tuple(kept), fresh, owners, *packages)


def _paths(changes: Iterable[Change], matches: Callable[[Change], bool]) -> tuple[str, ...]:
    return tuple(sorted(_shown(change) for change in changes if matches(change)))


def _shown(change: Change) -> str:
    return f"/{change.path}" + ("/" if change.is_directory else "")


def _is_of_books(path: str) -> bool:
    return f"{path}/".startswith(BOOKS)


def _leaves(changes: list[Change]) -> Iterator[Change]:
    """All but the directories in which something else changes, too."""
    parents = {os.path.dirname(change.path) for change in changes}
    return (change for change in changes if change.path not in parents)


def _is_as_packaged(tree: Path, change: Change, packaged: PackagedFile) -> bool:
    """Whether a path is what a package brought; one that is gone is another matter than one that is changed."""
    if change.act is Act.REMOVED:
        return True
    path = tree / change.path
    status = path.lstat()
    if stat.S_IFMT(status.st_mode) != stat.S_IFMT(packaged.mode):
        return False
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path) == packaged.target
    if stat.S_IMODE(status.st_mode) != stat.S_IMODE(packaged.mode):
        return False
    return not (stat.S_ISREG(status.st_mode) and packaged.digest) or _digest(path, packaged) == packaged.digest


def _digest(path: Path, packaged: PackagedFile) -> str:
    digest = hashlib.new(packaged.algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
