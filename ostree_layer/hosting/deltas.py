# SPDX-License-Identifier: GPL-2.0-or-later
"""Static deltas: what is between two commits in a few files, so that a client need not ask for each object."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

from ostree_layer import repo
from ostree_layer.errors import RepoError
from ostree_layer.hosting.store import Store
from ostree_layer.ostree_gi import GLib, OSTree, translated

# In the place of the commit that a delta from nothing starts at.
NOTHING = ""


def known(store: Store) -> set[tuple[str, str]]:
    """The deltas that are whole, as (from, to)."""
    with translated(f"listing the static deltas of {store.path}", RepoError):
        names = store.repo.list_static_delta_names(None)[1]
    pairs = (name.rpartition("-") for name in names)
    return {(old, new) for old, _, new in pairs}


def folder(store: Store, old: str, new: str) -> Path:
    """Where the delta is, by libostree's rule: its commits in base64, with the first two digits as a folder."""
    names = [base64.b64encode(bytes.fromhex(name), altchars=b"+_").rstrip(b"=").decode() for name in (old, new) if name]
    name = "-".join(names)
    return store.path / "deltas" / name[:2] / name[2:]


def drop(store: Store, old: str, new: str) -> None:
    """Remove a delta, first what makes it one. The store is locked."""
    (folder(store, old, new) / "superblock").unlink()
    shutil.rmtree(folder(store, old, new))


def drop_broken(store: Store) -> None:
    """Remove the deltas to commits that are gone; one from such a commit still serves who has that. The store is
    locked."""
    with translated(f"removing static deltas of {store.path}", RepoError):
        store.repo.prune_static_deltas(None, None)


def make(store: Store, old: str, new: str) -> bool:
    """Make the delta from commit old, or from NOTHING, to commit new; return False where it is there. The store is
    locked."""
    if (old, new) in known(store):
        return False
    for checksum in filter(None, (old, new)):
        if not repo.has_whole_commit(store.repo, checksum):
            raise RepoError(f"there can be no delta: {store.path} has not all of commit {checksum[:12]}")
    with translated(f"making the static delta to commit {new[:12]}", RepoError):
        option = OSTree.StaticDeltaGenerateOpt.MAJOR
        store.repo.static_delta_generate(option, old or None, new, None, GLib.Variant("a{sv}", {}), None)
    return True
