# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a commit as its packages have them, against those that it has."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Collection, Iterator

from ostree_layer import account_files, checkout, rpmdb
from ostree_layer.contents import Contents, Entry, File
from ostree_layer.layout import os_release
from ostree_layer.layout.paths import MOUNT_POINTS
from ostree_layer.layout.places import PLACES
from ostree_layer.ostree_gi import OSTree
from ostree_layer.rpm_model import PackagedFile
from ostree_layer.tree_model import Finding, PackageCheck

# What composing a tree changes on purpose, whoever has packaged it.
COMPOSED = (
    os_release.FILE,
    *(f"usr/etc/{name}" for name in account_files.FILES),
    *(f"{account_files.ALTERNATIVE}/{name}" for name in account_files.FILES),
)
# Where a commit has nothing: it comes to the host, or is the host's.
ELSEWHERE = tuple(f"{name}/" for name in MOUNT_POINTS if name != "etc")


def check(store: OSTree.Repo, checksum: str) -> PackageCheck | None:
    """Compare all files that packages have; None where the commit has no rpm database."""
    contents, findings, elsewhere, compared = Contents(store, checksum), [], 0, 0
    with checkout.rpm_database(store, checksum) as (root, dbpath):
        if dbpath is None:
            return None
        for packaged in rpmdb.packaged_files(root, dbpath):
            path, entry = _locate(contents, packaged)
            if entry is None and f"{path}/".startswith(ELSEWHERE):
                elsewhere += 1
                continue
            compared += 1
            if what := tuple(_differences(contents, packaged, entry)):
                is_note = what != ("missing",) and (packaged.is_config or path in COMPOSED)
                findings.append(Finding(packaged.package, packaged.path, what, is_note))
    return PackageCheck(compared, elsewhere, tuple(sorted(findings, key=lambda one: (one.package, one.path))))


def owners(store: OSTree.Repo, checksum: str, contents: Contents) -> dict[str, str]:
    """The names of the packages by the paths, without the first slash, that they have in the tree; empty without an
    rpm database. Of several packages that have the same path it is the first by name."""
    found: dict[str, str] = {}
    for nevra, path, is_directory in paths(store, checksum, contents):
        if not is_directory:
            name = nevra.rsplit("-", 2)[0]
            found[path] = min(name, found.get(path, name))
    return found


def paths(
    store: OSTree.Repo, checksum: str, contents: Contents, wanted: Collection[str] | None = None
) -> Iterator[tuple[str, str, bool]]:
    """What packages, or those whose NEVRAs are wanted, have in the tree: NEVRA, path without the first slash, and
    whether that is a directory."""
    with checkout.rpm_database(store, checksum) as (root, dbpath):
        for packaged in rpmdb.packaged_files(root, dbpath, wanted) if dbpath else ():
            path, entry = _locate(contents, packaged)
            if entry is not None:
                yield packaged.package, path, entry.is_directory


def _locate(contents: Contents, packaged: PackagedFile) -> tuple[str, Entry | None]:
    """Where the tree has what a package has; to rpm, a link to a directory is as good as the directory."""
    path, entry = contents.locate(packaged.path, follow=stat.S_ISDIR(packaged.mode))
    for place in PLACES:
        if entry is None and f"{path}/".startswith(f"{place.seen}/"):
            kept, found = contents.locate(place.kept + path[len(place.seen) :])
            # Of what else packages have in these places a part only is kept.
            is_kept = found is not None or (place.link and contents.locate(place.kept)[1] is not None)
            path, entry = (kept, found) if is_kept else (path, None)
    return path, entry


def _differences(contents: Contents, packaged: PackagedFile, entry: Entry | None) -> Iterator[str]:
    if entry is None:
        if not packaged.may_be_missing:
            yield "missing"
        return
    file = contents.file(entry)
    if stat.S_IFMT(file.mode) != stat.S_IFMT(packaged.mode):
        yield "type"
    elif stat.S_ISLNK(packaged.mode):
        if file.target != packaged.target:
            yield "target"
    else:
        if stat.S_IMODE(file.mode) != stat.S_IMODE(packaged.mode):
            yield "mode"
        if stat.S_ISREG(packaged.mode) and packaged.digest:
            yield from _content(packaged, file)


def _content(packaged: PackagedFile, file: File) -> Iterator[str]:
    if file.size != packaged.size:
        yield "size"
        return
    digest = hashlib.new(packaged.algorithm, usedforsecurity=False)
    for block in file.blocks():
        digest.update(block)
    if digest.hexdigest() != packaged.digest:
        yield "content"
