# SPDX-License-Identifier: GPL-2.0-or-later
"""Write what an upper directory changed into a base commit's tree."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import objects, upper
from ostree_layer.labels import LABEL, Labels
from ostree_layer.ostree_gi import AT_FDCWD, Gio, GLib, OSTree
from ostree_layer.upper import Kind


def graft(store: OSTree.Repo, base: str, upper_path: Path, labels: Labels | None = None) -> OSTree.MutableTree:
    """Return base's tree with the changes of upper_path, which is used up: its files become the objects.

    Only the upper is read. What base has and the upper has not stays the object that it is.
    """
    tree = OSTree.MutableTree.new_from_commit(store, base)
    _Graft(store, os.fspath(upper_path), labels or Labels()).write(tree)
    return tree


class _Graft:
    def __init__(self, store: OSTree.Repo, upper_path: str, labels: Labels) -> None:
        self._store, self._upper, self._labels = store, upper_path, labels
        self._to_lose_label: set[str] = set()

    def write(self, tree: OSTree.MutableTree) -> None:
        self._prepare("", tree)
        modifier = OSTree.RepoCommitModifier.new(OSTree.RepoCommitModifierFlags.CONSUME, None)
        if self._to_lose_label:
            modifier.set_xattr_callback(self._xattrs)
        self._store.write_dfd_to_mtree(AT_FDCWD, self._upper, tree, modifier, None)

    def _prepare(self, path: str, tree: OSTree.MutableTree | None) -> None:
        """Make the deletions of one directory in tree (None where the base has no such directory), label what is in
        the directory, and take what only overlayfs understands out of it."""
        self._dress(path or "/")
        for entry in upper.entries(self._upper + path):
            upper.require_representable(entry, entry.path)
            below = _below(tree, entry.name) if entry.kind is Kind.MERGED else None
            if below is None and tree is not None:
                tree.remove(entry.name, True)
            if entry.kind is Kind.REMOVED:
                # libostree refuses a device node before it asks any filter.
                os.unlink(entry.path)
            elif entry.kind is Kind.WRITTEN:
                self._take(f"{path}/{entry.name}", tree)
            else:
                self._prepare(f"{path}/{entry.name}", below or (tree and tree.ensure_dir(entry.name)[1]))

    def _take(self, path: str, tree: OSTree.MutableTree | None) -> None:
        """Make a file ready, and if it is large, an object of it."""
        self._dress(path)
        file = self._upper + path
        if tree is None or path in self._to_lose_label or os.path.islink(file):
            return
        if objects.can_adopt(self._store, file):
            tree.replace_file(os.path.basename(path), objects.adopt(self._store, file))

    def _dress(self, path: str) -> None:
        """Give a path of the upper the extended attributes of its object, as far as they can be given to a file."""
        upper.forget_overlay(self._upper + path)
        if not self._labels.dress(self._upper + path, path):
            self._to_lose_label.add(path)

    def _xattrs(self, _store: OSTree.Repo, path: str, _info: Gio.FileInfo) -> GLib.Variant:
        left_out = {LABEL} if path in self._to_lose_label else set()
        return objects.xattrs(self._upper + path, left_out)


def _below(tree: OSTree.MutableTree | None, name: str) -> OSTree.MutableTree | None:
    """The directory called name in tree, or None where there is no directory of that name."""
    if tree is None:
        return None
    try:
        return tree.lookup(name)[2]
    except GLib.Error:
        return None
