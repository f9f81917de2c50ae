# SPDX-License-Identifier: GPL-2.0-or-later
"""What packages keep in the /var of a stateroot, and what no rollback of a tree takes back."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ostree_layer import checkout, rpmdb, tmpfiles
from ostree_layer.model import PackageDiff
from ostree_layer.ostree_gi import OSTree

AREAS = ("lib", "spool", "srv")
# What every host has, whatever its packages: their state is the host's own.
OF_THE_HOST = (
    "lib/alternatives",
    "lib/dnf",
    "lib/games",
    "lib/misc",
    "lib/ostree",
    "lib/private",
    "lib/rpm",
    "lib/rpm-state",
    "lib/selinux",
    "lib/systemd",
    "spool/mail",
)


@dataclasses.dataclass(frozen=True)
class KeptData:
    """Data of a package that another version, or none, will find; `change` says which, paths begin with /var."""

    package: str
    change: str
    paths: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Tree:
    """A commit and the directory that it is deployed in."""

    checksum: str
    root: Path


def kept(store: OSTree.Repo, var: Path, changes: PackageDiff, trees: Iterable[Tree]) -> tuple[KeptData, ...]:
    """What packages that another tree has in another version, or has not, have in var.

    What is theirs is what their rpm headers and the lines of tmpfiles.d say, in any of the trees.
    """
    fates = dict(_fates(changes))
    if not fates:
        return ()
    named: dict[str, set[str]] = {name: set() for name in fates}
    for tree in trees:
        for name, paths in _paths(store, tree, fates.keys()).items():
            named[name] |= paths
    found = ((name, _topmost(_with_data(var, named[name]))) for name in sorted(fates))
    return tuple(KeptData(name, fates[name], tuple(f"/var/{path}" for path in paths)) for name, paths in found if paths)


def _fates(changes: PackageDiff) -> Iterator[tuple[str, str]]:
    for package in changes.removed:
        yield package.name, f"{package.evr} -> none"
    for old, new in (*changes.upgraded, *changes.downgraded):
        yield old.name, f"{old.evr} -> {new.evr}"


def _paths(store: OSTree.Repo, tree: Tree, names: Collection[str]) -> dict[str, set[str]]:
    with checkout.rpm_database(store, tree.checksum) as (root, dbpath):
        found = rpmdb.paths_by_name(root, dbpath, names) if dbpath else {name: set() for name in names}
    for name, paths in found.items():
        conf = f"/{tmpfiles.FOLDER}/{tmpfiles.OURS}-{name}.conf"
        for file in [conf, *(path for path in paths if path.startswith(f"/{tmpfiles.FOLDER}/"))]:
            paths |= set(_made_by(tree.root / file[1:]))
    return found


def _made_by(conf: Path) -> Iterator[str]:
    """The paths in a file of tmpfiles.d; a package may have anything under such a name."""
    if conf.is_file() and not conf.is_symlink():
        yield from filter(None, (tmpfiles.path_of(line) for line in tmpfiles.read(conf)))


def _with_data(var: Path, paths: Iterable[str]) -> set[str]:
    """Those of the paths, relative to /var, that are in one of the areas and hold something."""
    inside = {_relative(path) for path in paths}
    return {path for path in inside if path is not None and _is_data(path) and _holds_something(var, path)}


def _relative(path: str) -> str | None:
    """Relative to /var, for what is in it or in /srv."""
    path = os.path.normpath(path)
    if path.startswith("/srv/"):
        return path[1:]
    return path[len("/var/") :] if path.startswith("/var/") else None


def _is_data(path: str) -> bool:
    is_below = [path.startswith(f"{area}/") for area in AREAS]
    return any(is_below) and not any(path == name or path.startswith(f"{name}/") for name in OF_THE_HOST)


def _holds_something(var: Path, path: str) -> bool:
    """Whether there is a file that is not empty, or a directory with any file; links may lead anywhere."""
    found = var / path
    if found.is_symlink() or os.path.realpath(found.parent) != os.path.normpath(os.path.realpath(var) + f"/{path}/.."):
        return False
    if found.is_dir():
        return any(files for _folder, _folders, files in os.walk(found))
    return found.is_file() and found.stat().st_size > 0


def _topmost(paths: Collection[str]) -> list[str]:
    return sorted(path for path in paths if not any(path.startswith(f"{other}/") for other in paths))
