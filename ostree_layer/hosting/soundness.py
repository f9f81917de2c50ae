# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a store has all that it says, unchanged, and how it becomes sound again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Set
from pathlib import Path

from ostree_layer import fsck, repo
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.hosting import deltas, summary
from ostree_layer.hosting.reports import Soundness
from ostree_layer.hosting.store import Store
from ostree_layer.ostree_gi import GLib, OSTree, translated
from ostree_layer.report import Report

CONTENT = (OSTree.ObjectType.FILE, OSTree.ObjectType.DIR_TREE, OSTree.ObjectType.DIR_META)
# What a superblock has at this place of each part: version, checksum, sizes and objects.
SUPERBLOCK, PARTS = GLib.VariantType("(a{sv}tayay(a{sv}aya(say)sstayay)aya(uayttay)a(yaytt))"), 6


def look(store: Store, report: Report) -> Soundness:
    """Read all of a store."""
    objects = _all(store.repo)
    commits = {checksum for checksum, kind in objects if kind == OSTree.ObjectType.COMMIT}
    with report("Reading the objects"):
        damaged = dict(_damaged(store.repo, objects))
    incomplete = tuple(sorted(_incomplete(store.repo, commits, damaged.keys())))
    with report("Reading the static deltas"):
        broken = tuple(pair for pair in sorted(deltas.known(store)) if not _is_whole(deltas.folder(store, *pair)))
    lost = tuple(ref for ref, checksum in sorted(repo.refs(store.repo).items()) if checksum not in commits)
    # There can be no summary of them.
    others = () if lost else tuple(_summary(store))
    return Soundness(len(commits), len(objects), damaged, incomplete, broken, lost, others)


def _all(opened: OSTree.Repo) -> set[tuple[str, int]]:
    with translated(f"listing the objects of {repo.path_of(opened)}", RepoError):
        found = opened.list_objects(OSTree.RepoListObjectsFlags.LOOSE, None)[1]
    kinds = {int(kind) for kind in (OSTree.ObjectType.COMMIT, *CONTENT)}
    return {name for name in (key.unpack() for key in found) if name[1] in kinds}


def _incomplete(opened: OSTree.Repo, commits: set[str], damaged: Set[tuple[str, int]]) -> Iterator[str]:
    """The commits that miss something; what is below a damaged directory nobody can tell."""
    reached = {checksum: _objects(opened, checksum) for checksum in commits}
    known = set().union(*(found or () for found in reached.values()))
    for checksum, found in reached.items():
        if found is None or found & damaged or damaged - known or repo.is_partial(opened, checksum):
            yield checksum


def repair(store: Store, found: Soundness) -> None:
    """Remove what is damaged, so that it is brought anew by whatever brought it before. The store is locked."""
    with translated(f"repairing {store.path}", RepoError):
        for checksum in found.incomplete:
            store.repo.mark_commit_partial(checksum, True)
        failpoint("repair::marked")
        for checksum, kind in found.damaged:
            if kind != OSTree.ObjectType.COMMIT and store.repo.has_object(kind, checksum, None)[1]:
                store.repo.delete_object(kind, checksum, None)
        for ref in found.refs:
            store.repo.set_ref_immediate(None, ref, None, None)
    for old, new in found.deltas:
        deltas.drop(store, old, new)
    failpoint("repair::removed")
    summary.refresh(store)


def _objects(opened: OSTree.Repo, checksum: str) -> set[tuple[str, int]] | None:
    """The objects of a commit; None where it cannot be read to its end."""
    try:
        return {name.unpack() for name in opened.traverse_commit(checksum, 0, None)[1]}
    except GLib.Error:  # told by name: the commit is incomplete
        return None


def _damaged(opened: OSTree.Repo, objects: set[tuple[str, int]]) -> Iterator[tuple[tuple[str, int], str]]:
    for checksum, kind in objects:
        for words in fsck.damage(opened, checksum, kind):
            yield (checksum, kind), words


def _is_whole(folder: Path) -> bool:
    """Whether each part of a delta is there, and is what the superblock says of it."""
    stored = GLib.Bytes.new((folder / "superblock").read_bytes())
    parts = GLib.Variant.new_from_bytes(SUPERBLOCK, stored, False).get_child_value(PARTS)
    sums = [bytes(parts.get_child_value(number).get_child_value(1).unpack()) for number in range(parts.n_children())]
    return all(_digest(folder / str(number)) == wanted for number, wanted in enumerate(sums))


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""


def _summary(store: Store) -> Iterator[str]:
    if store.is_copy or not (store.work.exists() or (store.path / summary.SUMMARY).exists()):
        return
    if not summary.is_true(store):
        yield "the summary does not say what there is"
    elif not summary.is_signed(store):
        yield "the summary has no good signature by the keys of the store"
