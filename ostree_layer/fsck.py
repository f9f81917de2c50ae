# SPDX-License-Identifier: GPL-2.0-or-later
"""The objects that a commit is made of, read and compared with their checksums."""

from __future__ import annotations

from collections.abc import Iterator

from ostree_layer.errors import RepoError
from ostree_layer.ostree_gi import Gio, GLib, OSTree


def read_objects(store: OSTree.Repo, checksum: str) -> tuple[int, tuple[str, ...]]:
    """How many objects of a commit were read, and what is wrong with some of them, in libostree's words.

    RepoError where this user may not read one.
    """
    try:
        reachable = store.traverse_commit(checksum, 0, None)[1]
    except GLib.Error as e:
        return 0, (e.message,)
    damaged = [words for name in reachable for words in damage(store, *name.unpack())]
    return len(reachable), tuple(sorted(damaged))


def damage(store: OSTree.Repo, checksum: str, number: int) -> Iterator[str]:
    """What is wrong with an object of the kind of that number, if something is."""
    kind = OSTree.ObjectType(number)
    try:
        store.fsck_object(kind, checksum, None)
    except GLib.Error as e:
        if e.matches(Gio.io_error_quark(), Gio.IOErrorEnum.PERMISSION_DENIED):
            raise RepoError(f"reading object {checksum}: {e.message}", hint="root can read it") from e
        yield f"{OSTree.object_to_string(checksum, kind)}: {e.message}"
