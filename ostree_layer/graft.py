# SPDX-License-Identifier: GPL-2.0-or-later
"""Write what an upper directory changed into a base commit's tree."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import objects, upper
from ostree_layer.ostree_gi import AT_FDCWD, GLib, OSTree
from ostree_layer.upper import Kind


def graft(store: OSTree.Repo, base: str, upper_path: Path, policy: OSTree.SePolicy | None = None) -> OSTree.MutableTree:
    """Return base's tree with the changes of upper_path, which is used up: its files become the objects.

    Only the upper is read. What base has and the upper has not stays the object that it is.
    """
    tree = OSTree.MutableTree.new_from_commit(store, base)
    # What a policy labels has to be written by libostree.
    _prepare(os.fspath(upper_path), tree, store if policy is None else None)
    modifier = OSTree.RepoCommitModifier.new(OSTree.RepoCommitModifierFlags.CONSUME, None)
    if policy is not None:
        modifier.set_sepolicy(policy)
    store.write_dfd_to_mtree(AT_FDCWD, os.fspath(upper_path), tree, modifier, None)
    return tree


def _prepare(directory: str, tree: OSTree.MutableTree | None, store: OSTree.Repo | None) -> None:
    """Make the deletions of one directory in tree (None where the base has no such directory), and take
    everything that only overlayfs understands out of the upper. Large files go into store, if there is one."""
    upper.forget_overlay(directory)
    for entry in upper.entries(directory):
        upper.require_representable(entry, entry.path)
        below = _below(tree, entry.name)
        if entry.kind is Kind.MERGED:
            if below is None:
                _remove(tree, entry.name)
            _prepare(entry.path, below, store)
            continue
        if below is not None or entry.kind is not Kind.WRITTEN:
            _remove(tree, entry.name)
        _consume(entry)
        if tree is not None and store is not None and entry.kind is Kind.WRITTEN and _is_adopted(store, entry):
            tree.replace_file(entry.name, objects.adopt(store, entry.path))


def _is_adopted(store: OSTree.Repo, entry: upper.Entry) -> bool:
    return not os.path.islink(entry.path) and objects.can_adopt(store, entry.path)


def _consume(entry: upper.Entry) -> None:
    if entry.kind is Kind.REMOVED:
        # libostree refuses a device node before it asks any filter.
        os.unlink(entry.path)
    elif entry.kind is Kind.REPLACED:
        _prepare(entry.path, None, None)
    else:
        upper.forget_overlay(entry.path)


def _remove(tree: OSTree.MutableTree | None, name: str) -> None:
    if tree is not None:
        tree.remove(name, True)


def _below(tree: OSTree.MutableTree | None, name: str) -> OSTree.MutableTree | None:
    """The directory called name in tree, or None where there is no directory of that name."""
    if tree is None:
        return None
    try:
        return tree.lookup(name)[2]
    except GLib.Error:
        return None
