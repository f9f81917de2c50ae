# SPDX-License-Identifier: GPL-2.0-or-later
"""Give a tree the labels of a policy that is new to it; what keeps its label stays the object that it is."""

from __future__ import annotations

import functools
import struct

from ostree_layer.labels import LABEL, Labels
from ostree_layer.ostree_gi import Gio, GLib, OSTree

NAME = LABEL.encode() + b"\0"


def relabel(store: OSTree.Repo, tree: OSTree.MutableTree, labels: Labels) -> None:
    """Change the labels in tree that a new policy changes, in the transaction that store is in.

    A label is part of an object: a file whose label changes is stored once more, content and all.
    """
    if labels.is_new:
        _Relabeller(store, labels).relabel(tree, "")


class _Relabeller:
    def __init__(self, store: OSTree.Repo, labels: Labels) -> None:
        self._store, self._labels = store, labels
        self._known: dict[tuple[str, bytes], str] = {}

    def relabel(self, tree: OSTree.MutableTree, path: str) -> None:
        """Relabel a directory and all that is below it."""
        meta = tree.get_metadata_checksum()
        if (new := self._directory(meta, path or "/")) != meta:
            tree.set_metadata_checksum(new)
        for name, checksum in tree.get_files().items():
            if (new := self._file(checksum, f"{path}/{name}")) != checksum:
                tree.replace_file(name, new)
        for name, below in tree.get_subdirs().items():
            self.relabel(below, f"{path}/{name}")

    def _file(self, checksum: str, path: str) -> str:
        """The object of a file or link with the label for path; itself where that is the one it has."""
        if not self._labels.may_differ(path):
            return checksum
        _ok, stream, info, xattrs = self._store.load_file(checksum, None)
        label = self._labels.wanted(path, info.get_attribute_uint32("unix::mode"))
        if label == _label(xattrs):
            return checksum
        if (checksum, label) not in self._known:
            # A link has no content, and a stream is asked for all the same.
            stream = stream or Gio.MemoryInputStream.new()
            _ok, content, length = OSTree.raw_file_to_content_stream(stream, info, _with_label(xattrs, label), None)
            self._known[checksum, label] = _hex(self._store.write_content(None, content, length, None))
        return self._known[checksum, label]

    def _directory(self, checksum: str, path: str) -> str:
        """The same for the object that is a directory's owner, mode and extended attributes."""
        if not self._labels.may_differ(path):
            return checksum
        meta = self._store.load_variant(OSTree.ObjectType.DIR_META, checksum)[1]
        uid, gid, mode, xattrs = (meta.get_child_value(index) for index in range(4))
        label = self._labels.wanted(path, _from_big_endian(mode.get_uint32()))
        if label == _label(xattrs):
            return checksum
        if (checksum, label) not in self._known:
            labelled = GLib.Variant.new_tuple(uid, gid, mode, _with_label(xattrs, label))
            self._known[checksum, label] = _hex(
                self._store.write_metadata(OSTree.ObjectType.DIR_META, None, labelled, None)
            )
        return self._known[checksum, label]


def _hex(written: tuple[bool, bytes]) -> str:
    return bytes(written[1]).hex()


def _from_big_endian(number: int) -> int:
    return int(struct.unpack(">I", struct.pack("=I", number))[0])


def _label(xattrs: GLib.Variant) -> bytes:
    """The label among the extended attributes of an object, which are an `a(ayay)`."""
    return next((_bytes(pair, 1) for pair in _pairs(xattrs) if _bytes(pair, 0) == NAME), b"")


def _with_label(xattrs: GLib.Variant, label: bytes) -> GLib.Variant:
    """The extended attributes with this label and no other, in the order that an object has them in: by name."""
    kept = [pair for pair in _pairs(xattrs) if _bytes(pair, 0) != NAME]
    if label:
        kept.append(_pair(label))
    kept.sort(key=lambda pair: _bytes(pair, 0))
    return GLib.Variant.new_array(GLib.VariantType("(ayay)"), kept)


@functools.lru_cache
def _pair(label: bytes) -> GLib.Variant:
    # As numbers: of bytes, PyGObject makes a string with a zero at its end.
    return GLib.Variant("(ayay)", (list(NAME), list(label)))


def _pairs(xattrs: GLib.Variant) -> list[GLib.Variant]:
    return [xattrs.get_child_value(index) for index in range(xattrs.n_children())]


def _bytes(pair: GLib.Variant, index: int) -> bytes:
    return bytes(pair.get_child_value(index).get_data_as_bytes().get_data() or b"")
