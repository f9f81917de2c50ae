# SPDX-License-Identifier: GPL-2.0-or-later
"""What one commit's /usr has otherwise than another's, as the upper layer of an overlay: hard links and whiteouts."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Callable, NamedTuple

from ostree_layer import dirtree
from ostree_layer.clone import Cloner

Names = dict[str, tuple[str, ...]]


class Folder(NamedTuple):
    """The checksums of a directory's dirtree and dirmeta objects."""

    contents: str
    meta: str


def make(objects: Path, old: Folder, new: Folder, target: Path, stays: Callable[[str], bool]) -> None:
    """Make target the layer that leads from old to new.

    `stays` says of a path, relative to the two, whether it is left as it is in old, and so is all that is below it.
    """
    with contextlib.closing(Cloner(objects, target)) as cloner:
        _Layer(cloner, objects, target, stays).make(old, new, "")
        cloner.settle()


class _Layer:
    def __init__(self, cloner: Cloner, objects: Path, target: Path, stays: Callable[[str], bool]) -> None:
        self._cloner, self._objects, self._target, self._stays = cloner, objects, target, stays

    def make(self, old: Folder | None, new: Folder, path: str) -> None:
        """Make one directory, which `old` has been, if it was any."""
        os.mkdir(self._target / path)
        before, after = self._names(old) if old else {}, self._names(new)
        for name in before.keys() - after.keys():
            self._take_away(before[name], _join(path, name))
        changed = [name for name in after if before.get(name) != after[name] and not self._stays(_join(path, name))]
        files = [(name, after[name][0]) for name in changed if len(after[name]) == 1]
        self._cloner.link(os.fspath(self._target / path), files)
        for name in (name for name in changed if len(after[name]) == 2):
            self.make(_folder(before.get(name, ())), Folder(*after[name]), _join(path, name))
        self._cloner.dress(os.fspath(self._target / path), new.meta)

    def _take_away(self, former: tuple[str, ...], path: str) -> None:
        """Hide what is gone, but for what of it stays."""
        if self._stays(path):
            return
        folder = _folder(former)
        if folder is None or not self._holds_what_stays(folder, path):
            os.mknod(self._target / path, stat.S_IFCHR, 0)
            return
        os.mkdir(self._target / path)
        for name, entry in self._names(folder).items():
            self._take_away(entry, _join(path, name))
        self._cloner.dress(os.fspath(self._target / path), folder.meta)

    def _holds_what_stays(self, folder: Folder, path: str) -> bool:
        entries = ((_join(path, name), _folder(entry)) for name, entry in self._names(folder).items())
        return any(self._stays(at) or (below and self._holds_what_stays(below, at)) for at, below in entries)

    def _names(self, folder: Folder) -> Names:
        return names(self._objects, folder.contents)


def names(objects: Path, contents: str) -> Names:
    """What is in a directory, by name: of a file the checksum, of a directory both of its own."""
    files, directories = dirtree.read_tree((objects / contents[:2] / f"{contents[2:]}.dirtree").read_bytes())
    found: Names = {name: (checksum,) for name, checksum in files}
    found.update((name, (contents, meta)) for name, contents, meta in directories)
    return found


def _folder(entry: tuple[str, ...]) -> Folder | None:
    return Folder(*entry) if len(entry) == 2 else None


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
