# SPDX-License-Identifier: GPL-2.0-or-later
"""How two commits differ: by file, and by what the changelogs of their packages say."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterator

from ostree_layer import advisories, checkout, repo, rpmdb
from ostree_layer.contents import Contents, Entry, File
from ostree_layer.model import Advisory, Package, PackageDiff
from ostree_layer.ostree_gi import OSTree
from ostree_layer.rpm_model import Change
from ostree_layer.tree_model import Comparison, FileChange


def compare(
    store: OSTree.Repo, old: str, new: str, packages: PackageDiff, *, files: bool = False, changelogs: bool = False
) -> Comparison:
    """How the commit new differs from old: by packages, as given, by advisories, and by what else is asked for."""
    return Comparison(
        old=old,
        new=new,
        packages=packages,
        advisories=_new_advisories(store, old, new),
        files=tuple(compare_files(Contents(store, old), Contents(store, new))) if files else None,
        changelogs=tuple(_new_changes(store, old, new, packages)) if changelogs else None,
    )


def _new_advisories(store: OSTree.Repo, old: str, new: str) -> tuple[Advisory, ...]:
    """The advisories that new has and old has not, security first."""
    was, now = (advisories.parse(repo.all_metadata(store, checksum)) for checksum in (old, new))
    known = {advisory.name for advisory in was}
    return tuple(sorted((one for one in now if one.name not in known), key=advisories.first_things_first))


def compare_files(old: Contents, new: Contents) -> Iterator[FileChange]:
    """Each path that differs, parents before what is in them; equal objects are not looked into."""
    yield from _files(old, new, old.root, new.root, "")


def _files(old: Contents, new: Contents, before: Entry, after: Entry, path: str) -> Iterator[FileChange]:
    if before == after:
        return
    if changed := tuple(_differences(old.file(before), new.file(after))):
        yield FileChange(path or "/", "changed", changed)
    was, now = old.entries(before), new.entries(after)
    for name in sorted(was.keys() | now.keys()):
        below = f"{path}/{name}"
        if name not in now:
            yield from _whole(old, was[name], below, "removed")
        elif name not in was:
            yield from _whole(new, now[name], below, "added")
        else:
            yield from _files(old, new, was[name], now[name], below)


def _whole(contents: Contents, entry: Entry, path: str, kind: str) -> Iterator[FileChange]:
    yield FileChange(path, kind)
    yield from (FileChange(below, kind) for below, _entry in contents.walk(entry, path))


def _differences(old: File, new: File) -> Iterator[str]:
    if stat.S_IFMT(old.mode) != stat.S_IFMT(new.mode):
        yield "type"
        return
    if old.target != new.target:
        yield "target"
    if old.size != new.size or any(a != b for a, b in itertools.zip_longest(old.blocks(), new.blocks())):
        yield "content"
    if old.mode != new.mode:
        yield "mode"
    if (old.uid, old.gid) != (new.uid, new.gid):
        yield "owner"
    if old.xattrs != new.xattrs:
        yield "xattrs"


def _new_changes(
    store: OSTree.Repo, old: str, new: str, difference: PackageDiff
) -> Iterator[tuple[Package, tuple[Change, ...]]]:
    """For each upgraded package the entries of its changelog that it did not have before, newest first."""
    pairs = difference.upgraded
    was, now = (_changelogs(store, checksum) for checksum in (old, new)) if pairs else ({}, {})
    for before, after in pairs:
        known = set(was.get(before, ()))
        come = tuple(entry for entry in now.get(after, ()) if entry not in known)
        if come:
            yield after, come


def _changelogs(store: OSTree.Repo, checksum: str) -> dict[Package, tuple[Change, ...]]:
    with checkout.rpm_database(store, checksum) as (root, dbpath):
        return rpmdb.changelogs(root, dbpath) if dbpath else {}
