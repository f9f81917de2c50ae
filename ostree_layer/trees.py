# SPDX-License-Identifier: GPL-2.0-or-later
"""The trees in a repository: found by ref, commit or version, and read into values."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator
from typing import Callable

from ostree_layer import checkout, diff, metadata, repo
from ostree_layer.contents import Contents
from ostree_layer.errors import RepoError, nearest
from ostree_layer.model import Package
from ostree_layer.ostree_gi import GLib, OSTree, translated
from ostree_layer.tree_model import Step, Tree

# Refs that keep commits from being pruned, and that nobody gave a name.
INTERNAL = ("ostree-layer/", "ostree/", "rpmostree/")
SIZES = "ostree.sizes"


def refs(store: OSTree.Repo, *, internal: bool = False) -> dict[str, str]:
    """The refs of the repository and of its remotes, as `REMOTE:REF`, in the order of their names."""
    found = repo.refs(store)
    return {name: found[name] for name in sorted(found) if internal or not name.startswith(INTERNAL)}


def find(store: OSTree.Repo, name: str) -> str:
    """The commit that name means: a ref, a checksum or what it begins with, or `:VERSION`."""
    if name.startswith(":"):
        return _find_version(store, name[1:])
    with translated(f"looking for {name} in {repo.path_of(store)}", RepoError):
        found = store.resolve_rev(name, True)[1]
    if found is None or not repo.has_commit(store, found):
        hint = nearest(name, refs(store, internal=True), otherwise="'dnf tree list' names the refs")
        raise RepoError(f"there is no ref or commit {name} in {repo.path_of(store)}", hint=hint)
    return str(found)


def ref_in(store: OSTree.Repo, name: str) -> str:
    """The name itself if it is that of a ref, and nothing where it means a commit in another way."""
    return name if name in refs(store, internal=True) else ""


def _find_version(store: OSTree.Repo, version: str) -> str:
    """The newest commit of this version that a ref leads to."""
    known: dict[str, GLib.Variant] = {}
    for start in set(refs(store, internal=True).values()):
        for checksum in itertools.takewhile(lambda one: one not in known, lineage(store, start)):
            known[checksum] = repo.load_commit(store, checksum)
    matching = [
        (repo.timestamp(commit), checksum) for checksum, commit in known.items() if repo.version(commit) == version
    ]
    if not matching:
        hint = nearest(version, map(repo.version, known.values()), otherwise="'dnf tree log' names the versions")
        raise RepoError(f"there is no commit of version {version} in {repo.path_of(store)}", hint=hint)
    return max(matching)[1]


class Reader:
    """Reads trees of one repository, and remembers the sizes of objects, which trees have in common."""

    def __init__(self, store: OSTree.Repo) -> None:
        self._store = store
        self._sizes: dict[str, int] = {}

    def read(self, checksum: str, ref: str = "", *, with_size: bool = True) -> Tree:
        commit = repo.load_commit(self._store, checksum)
        is_partial = repo.is_partial(self._store, checksum)
        return Tree(
            ref=ref,
            checksum=checksum,
            timestamp=repo.timestamp(commit),
            version=repo.version(commit),
            is_partial=is_partial,
            size=self._size(checksum, commit, is_partial=is_partial) if with_size else None,
            packages=checkout.packages(self._store, checksum),
        )

    def _size(self, checksum: str, commit: GLib.Variant, *, is_partial: bool) -> int | None:
        if SIZES in repo.metadata(commit):
            objects = OSTree.commit_get_object_sizes(commit)[1]
            return sum(int(found.unpacked) for found in objects if found.objtype == OSTree.ObjectType.FILE)
        return None if is_partial else Contents(self._store, checksum).size(self._sizes)


def log(store: OSTree.Repo, checksum: str, names: Collection[str] = ()) -> Iterator[Step]:
    """The commit and those before it, newest first; only those that change a package called one of names, if any.

    A commit that was made on this host follows the one that it was made from, and not its parent, which is the base.
    """
    read = functools.lru_cache(maxsize=2)(functools.partial(checkout.packages, store))
    for current in lineage(store, checksum):
        step = _step(store, current, read)
        if not names or (step.changes is not None and diff.touches(step.changes, names)):
            yield step


def lineage(store: OSTree.Repo, checksum: str) -> Iterator[str]:
    """The commit and those before it, as far as they are here."""
    while checksum:
        yield checksum
        checksum = _before(store, checksum)[0]


def _before(store: OSTree.Repo, checksum: str) -> tuple[str, str]:
    """The commit before this one, as far as it is here; and the one that should be, where that is missing."""
    commit = repo.load_commit(store, checksum)
    local = metadata.parse_local(repo.metadata(commit))
    wanted = list(filter(None, [local.previous if local else "", OSTree.commit_get_parent(commit)]))
    present = next((name for name in wanted if repo.has_commit(store, name)), "")
    return present, wanted[0] if wanted and present != wanted[0] else ""


def _step(store: OSTree.Repo, checksum: str, read: Callable[[str], tuple[Package, ...] | None]) -> Step:
    commit = repo.load_commit(store, checksum)
    local = metadata.parse_local(repo.metadata(commit))
    before, missing = _before(store, checksum)
    old, new = read(before) if before and not missing else None, read(checksum)
    return Step(
        checksum=checksum,
        timestamp=repo.timestamp(commit),
        version=repo.version(commit),
        command=local.transaction.command if local else "",
        changes=diff.compare(old, new) if old is not None and new is not None else None,
        before=before,
        missing=missing,
    )
