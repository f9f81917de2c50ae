# SPDX-License-Identifier: GPL-2.0-or-later
"""A hard-link checkout of one directory of a commit, by two processes, from the bare objects alone.

A checkout is what a deployment costs. libostree opens, examines and links each object, one after the other; of these a
deployment of local objects needs the link only. Run as a program, this module is the second process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ostree_layer import dirtree, ownership, process

# Directories at this depth are what the two processes share between them.
SHARED_DEPTH = 2
# So few are made before a second process has started.
FEW = 30
INDEX = struct.Struct("=I")


class Directory(NamedTuple):
    """A directory to make: the checksums of its dirtree and dirmeta objects, and its path below the target."""

    contents: str
    meta: str
    path: str


def clone(objects: Path, contents: str, meta: str, target: Path) -> None:
    """Make target the directory whose dirtree and dirmeta objects are `contents` and `meta`."""
    shared: list[Directory] = []
    # Not a memfd: of a file, the kernel lets two processes that share an offset read one after the other.
    with contextlib.closing(Cloner(objects, target)) as cloner, tempfile.TemporaryFile(dir=target.parent) as queue:
        cloner.make(Directory(contents, meta, ""), SHARED_DEPTH, shared)
        queue.write(b"".join(INDEX.pack(index) for index in range(len(shared))))
        queue.flush()
        queue.seek(0)
        _share(cloner, shared, queue.fileno())
        cloner.settle()


def _share(cloner: Cloner, shared: list[Directory], queue: int) -> None:
    if len(shared) <= FEW:
        cloner.make_shared(shared, queue)
        return
    words = "\0".join(word for directory in shared for word in directory)
    argv = [sys.executable, "-m", __name__, os.fspath(cloner.objects), os.fspath(cloner.target), str(queue)]
    with process.helper(argv, words, keep=queue):
        cloner.make_shared(shared, queue)


class Cloner:
    """Makes directories below target."""

    def __init__(self, objects: Path, target: Path) -> None:
        self.objects, self.target = objects, target
        self._objects = os.open(objects, os.O_RDONLY | os.O_DIRECTORY)
        self._unsettled: list[str] = []
        self._metas: dict[str, tuple[int, int, int, list[tuple[str, bytes]]]] = {}

    def close(self) -> None:
        os.close(self._objects)

    def make_shared(self, shared: list[Directory], queue: int) -> None:
        """Make one shared directory after the other, as long as the queue names one that nobody has begun.

        Both processes read it through the same open file, so what one has read the other does not get.
        """
        while index := os.read(queue, INDEX.size):
            self.make(shared[INDEX.unpack(index)[0]], -1, [])

    def settle(self) -> None:
        """Make the modification times of directories what they are in every checkout."""
        for path in self._unsettled:
            os.utime(path, (0, 0))

    def make(self, directory: Directory, depth: int, shared: list[Directory]) -> None:
        """Make a directory and what is below it; but what is `depth` below it is left to `shared`."""
        path = os.path.join(self.target, directory.path) if directory.path else os.fspath(self.target)
        os.mkdir(path)
        files, directories = dirtree.read_tree(self._read(directory.contents, "dirtree"))
        self.link(path, files)
        for name, contents, meta in directories:
            below = Directory(contents, meta, f"{directory.path}/{name}" if directory.path else name)
            if depth == 1:
                shared.append(below)
            else:
                self.make(below, depth - 1, shared)
        self.dress(path, directory.meta)
        if depth > 0:
            self._unsettled.append(path)

    def link(self, path: str, files: Iterable[tuple[str, str]]) -> None:
        """Make files in a directory, by name and checksum."""
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name, checksum in files:
                source = f"{checksum[:2]}/{checksum[2:]}.file"
                try:
                    os.link(source, name, src_dir_fd=self._objects, dst_dir_fd=folder, follow_symlinks=False)
                except OSError as e:
                    if e.errno != errno.EMLINK:
                        raise
                    ownership.copy(self.objects / source, Path(path, name))
        finally:
            os.close(folder)

    def dress(self, path: str, meta: str) -> None:
        """Give a directory its owner, extended attributes and mode."""
        if meta not in self._metas:
            self._metas[meta] = dirtree.read_meta(self._read(meta, "dirmeta"))
        uid, gid, mode, xattrs = self._metas[meta]
        os.chown(path, uid, gid)
        for name, value in xattrs:
            os.setxattr(path, name, value)
        os.chmod(path, mode)
        os.utime(path, (0, 0))

    def _read(self, checksum: str, kind: str) -> bytes:
        return (self.objects / checksum[:2] / f"{checksum[2:]}.{kind}").read_bytes()


def main() -> None:
    objects, target, queue = sys.argv[1:]
    words = sys.stdin.read().split("\0")
    shared = [Directory(*words[at : at + 3]) for at in range(0, len(words) - 2, 3)]
    Cloner(Path(objects), Path(target)).make_shared(shared, int(queue))


if __name__ == "__main__":
    main()
