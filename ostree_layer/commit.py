# SPDX-License-Identifier: GPL-2.0-or-later
"""Write a tree as a commit: objects first, then the commit, then the refs that keep it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from ostree_layer import host, repo
from ostree_layer.errors import CommitError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import LocalCommit
from ostree_layer.ostree_gi import GLib, OSTree, translated


def write(
    store: OSTree.Repo, tree: OSTree.MutableTree, local: LocalCommit, values: GLib.Variant, subject: str = ""
) -> str:
    """Write tree and its commit in the transaction that store is in, and return the commit's checksum.

    The parent is the base commit, as other tools expect of a layered one; our own lineage is in the metadata, which is
    `values`. Without a `subject` the command is that.
    """
    root = store.write_mtree(tree, None)[1]
    epoch = host.source_date_epoch(os.environ)
    time = GLib.get_real_time() // 1_000_000 if epoch is None else epoch
    subject = subject or local.transaction.command
    checksum = store.write_commit_with_time(local.base, subject, None, values, root, time, None)[1]
    failpoint("commit::written")
    return str(checksum)


def point_refs(store: OSTree.Repo, stateroot: str, local: LocalCommit, checksum: str) -> None:
    """Keep the commit and its base from being pruned; only now can anything lead to them."""
    repo.set_ref(store, repo.base_ref(local.base), local.base)
    repo.set_ref(store, repo.local_ref(stateroot), checksum)
    failpoint("commit::referenced")


@contextlib.contextmanager
def writing(store: OSTree.Repo) -> Iterator[None]:
    """The repository's transaction; what goes wrong in it is said in terms of the tree."""
    with translated("writing the tree into the repository", CommitError), repo.transaction(store):
        yield
    failpoint("commit::flushed")
