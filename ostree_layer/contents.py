# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in a commit, by path, read from the objects of its repository without a checkout."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Iterator
from typing import NamedTuple

from ostree_layer import dirtree
from ostree_layer.errors import RepoError
from ostree_layer.ostree_gi import Gio, GLib, OSTree, translated

# As many links as the kernel follows in one path.
LINKS = 40
BLOCK = 1 << 20


class Entry(NamedTuple):
    """What a name stands for: the checksum of a file object, or those of a dirtree and its dirmeta object."""

    contents: str
    meta: str = ""

    @property
    def is_directory(self) -> bool:
        return bool(self.meta)


@dataclasses.dataclass(frozen=True)
class File:
    """A file, link or directory; `mode` has the type in it, as st_mode does. `xattrs` are as in the object."""

    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str = ""
    xattrs: bytes = b""
    stream: Gio.InputStream | None = None

    def blocks(self) -> Iterator[bytes]:
        """The content, which can be read once, in blocks of one size, whatever the stream comes in."""
        while block := b"".join(self._pieces()):
            yield block

    def _pieces(self) -> Iterator[bytes]:
        if self.stream is None:
            return
        left = BLOCK
        with translated("reading the content of a file", RepoError):
            while left and (piece := self.stream.read_bytes(left, None).get_data()):
                left -= len(piece)
                yield piece


class Contents:
    """The tree of one commit; RepoError from whatever meets an object that is not there."""

    def __init__(self, store: OSTree.Repo, checksum: str) -> None:
        self._store = store
        self._directories: dict[str, dict[str, Entry]] = {}
        commit = self._load(OSTree.ObjectType.COMMIT, checksum)
        self.root = Entry(*(_bytes(commit.get_child_value(index)).hex() for index in (6, 7)))

    def entries(self, directory: Entry) -> dict[str, Entry]:
        """What is in a directory, by name; in one that is none, nothing."""
        if not directory.is_directory:
            return {}
        found = self._directories.get(directory.contents)
        if found is None:
            files, directories = dirtree.read_tree(_bytes(self._load(OSTree.ObjectType.DIR_TREE, directory.contents)))
            found = {name: Entry(checksum) for name, checksum in files}
            found.update((name, Entry(contents, meta)) for name, contents, meta in directories)
            self._directories[directory.contents] = found
        return found

    def walk(self, directory: Entry, path: str = "") -> Iterator[tuple[str, Entry]]:
        """All that is below directory, which is at path; a directory comes before what is in it."""
        for name, entry in sorted(self.entries(directory).items()):
            yield f"{path}/{name}", entry
            yield from self.walk(entry, f"{path}/{name}")

    def locate(self, path: str, *, follow: bool = False) -> tuple[str, Entry | None]:
        """Where the tree's links lead path, without the first slash, and what is there, if anything is.

        /etc is where the tree has it. A link that path ends in is followed only if asked.
        """
        trail: list[tuple[str, Entry]] = []
        rest, links = path.split("/"), LINKS
        while rest:
            name = rest.pop(0)
            if name == "..":
                del trail[-1:]
            if name in ("", ".", ".."):
                continue
            if not trail and name == "etc" and "etc" not in self.entries(self.root):
                rest = ["usr", "etc", *rest]
                continue
            entry = self.entries(trail[-1][1] if trail else self.root).get(name)
            if entry is None:
                return "/".join([*(above for above, _entry in trail), name, *rest]), None
            target = self.file(entry).target if (rest or follow) and links and not entry.is_directory else ""
            if target:
                links -= 1
                rest = [*target.split("/"), *rest]
                trail = [] if target.startswith("/") else trail
            else:
                trail.append((name, entry))
        return "/".join(name for name, _entry in trail), trail[-1][1] if trail else self.root

    def file(self, entry: Entry) -> File:
        """What stat(2), readlink(2) and read(2) would say of an entry."""
        if entry.is_directory:
            data = _bytes(self._load(OSTree.ObjectType.DIR_META, entry.meta))
            uid, gid, mode, _xattrs = dirtree.read_meta(data)
            return File(stat.S_IFDIR | mode, uid, gid, xattrs=data[12:])
        with translated(f"reading object {entry.contents}", RepoError):
            _ok, stream, info, xattrs = self._store.load_file(entry.contents, None)
        uid, gid, mode = (info.get_attribute_uint32(f"unix::{name}") for name in ("uid", "gid", "mode"))
        return File(mode, uid, gid, info.get_size(), info.get_symlink_target() or "", _bytes(xattrs), stream)

    def size(self, known: dict[str, int]) -> int:
        """The bytes in the files and links, each object counted once; `known` is filled with those of objects."""
        objects = {entry.contents for _path, entry in self.walk(self.root) if not entry.is_directory}
        for checksum in objects - known.keys():
            known[checksum] = self._size(checksum)
        return sum(known[checksum] for checksum in objects)

    def _size(self, checksum: str) -> int:
        if self._store.get_mode() == OSTree.RepoMode.ARCHIVE:
            found = self.file(Entry(checksum))
            return found.size or len(found.target)
        # In the other modes an object is as large as its content, and this way it need not be readable.
        with translated(f"reading object {checksum}", RepoError):
            return int(self._store.query_object_storage_size(OSTree.ObjectType.FILE, checksum, None)[1])

    def _load(self, kind: OSTree.ObjectType, checksum: str) -> GLib.Variant:
        with translated(f"reading object {checksum}", RepoError):
            return self._store.load_variant(kind, checksum)[1]


def _bytes(value: GLib.Variant) -> bytes:
    data: bytes | None = value.get_data_as_bytes().get_data()
    return data or b""
