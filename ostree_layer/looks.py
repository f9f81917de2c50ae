# SPDX-License-Identifier: GPL-2.0-or-later
"""Refs that are there for a moment only, while somebody looks what a remote has."""

from __future__ import annotations

from ostree_layer import repo
from ostree_layer.ostree_gi import OSTree

# In the place of a remote's name, for these refs.
REMOTE = "ostree-layer-looking"


def forget(store: OSTree.Repo) -> None:
    """Remove them, also those of a killed run."""
    for name in repo.refs(store):
        remote, _, ref = name.rpartition(":")
        if remote == REMOTE:
            store.set_ref_immediate(remote, ref, None, None)
