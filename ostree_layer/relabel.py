# SPDX-License-Identifier: GPL-2.0-or-later
"""Give a tree the labels of a policy that is new to it; what keeps its label stays the object that it is."""

from __future__ import annotations

import stat
import struct

from ostree_layer.labels import LABEL, Labels
from ostree_layer.ostree_gi import Gio, GLib, OSTree

SORTED_BY = LABEL.encode() + b"\0"


def relabel(store: OSTree.Repo, tree: OSTree.MutableTree, labels: Labels) -> None:
    """Change the labels in tree that a new policy changes, in the transaction that store is in.

    A label is part of an object: a file whose label changes is stored once more, content and all.
    """
    if labels.has_new_policy:
        _Relabeller(store, labels).relabel(tree, "")


class _Relabeller:
    def __init__(self, store: OSTree.Repo, labels: Labels) -> None:
        self._store, self._labels = store, labels
        self._known: dict[tuple[str, bytes], str] = {}

    def relabel(self, tree: OSTree.MutableTree, path: str) -> None:
        """Relabel a directory and all that is below it."""
        meta = tree.get_metadata_checksum()
        if (new := self._relabelled_directory(meta, path or "/")) != meta:
            tree.set_metadata_checksum(new)
        for name, checksum in tree.get_files().items():
            if (new := self._relabelled_file(checksum, f"{path}/{name}")) != checksum:
                tree.replace_file(name, new)
        for name, below in tree.get_subdirs().items():
            self.relabel(below, f"{path}/{name}")

    def _relabelled_file(self, checksum: str, path: str) -> str:
        _ok, stream, info, xattrs = self._store.load_file(checksum, None)
        label = self._labels.wanted(path, info.get_attribute_uint32("unix::mode"))
        if label == _label(xattrs):
            return checksum
        if (checksum, label) not in self._known:
            labelled = _with_label(xattrs, label)
            # A link has no content, and a stream is asked for all the same.
            stream = stream or Gio.MemoryInputStream.new()
            _ok, content, length = OSTree.raw_file_to_content_stream(stream, info, labelled, None)
            written = self._store.write_content(None, content, length, None)[1]
            self._known[checksum, label] = bytes(written).hex()
        return self._known[checksum, label]

    def _relabelled_directory(self, checksum: str, path: str) -> str:
        meta = self._store.load_variant(OSTree.ObjectType.DIR_META, checksum)[1]
        uid, gid, mode, xattrs = (meta.get_child_value(index) for index in range(4))
        label = self._labels.wanted(path, _from_big_endian(mode.get_uint32()) | stat.S_IFDIR)
        if label == _label(xattrs):
            return checksum
        if (checksum, label) not in self._known:
            labelled = GLib.Variant.new_tuple(uid, gid, mode, _with_label(xattrs, label))
            written = self._store.write_metadata(OSTree.ObjectType.DIR_META, None, labelled, None)[1]
            self._known[checksum, label] = bytes(written).hex()
        return self._known[checksum, label]


def _from_big_endian(number: int) -> int:
    return int(struct.unpack(">I", struct.pack("=I", number))[0])


def _label(xattrs: GLib.Variant) -> bytes:
    """The label among the extended attributes of an object, which are an `a(ayay)`."""
    return next((_bytes(pair, 1) for pair in _pairs(xattrs) if _bytes(pair, 0) == SORTED_BY), b"")


def _with_label(xattrs: GLib.Variant, label: bytes) -> GLib.Variant:
    """The extended attributes with this label and no other, in the order that an object has them in: by name."""
    kept = [pair for pair in _pairs(xattrs) if _bytes(pair, 0) != SORTED_BY]
    if label:
        # As numbers: of bytes, PyGObject makes a string with a zero at its end.
        kept.append(GLib.Variant("(ayay)", (list(SORTED_BY), list(label))))
    kept.sort(key=lambda pair: _bytes(pair, 0))
    return GLib.Variant.new_array(GLib.VariantType("(ayay)"), kept)


def _pairs(xattrs: GLib.Variant) -> list[GLib.Variant]:
    return [xattrs.get_child_value(index) for index in range(xattrs.n_children())]


def _bytes(pair: GLib.Variant, index: int) -> bytes:
    return bytes(pair.get_child_value(index).get_data_as_bytes().get_data() or b"")
