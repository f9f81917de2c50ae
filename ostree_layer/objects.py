# SPDX-License-Identifier: GPL-2.0-or-later
"""Content objects of a bare repository, made from files that are already on its file system.

libostree does this too, but where it was built without OpenSSL it takes six times as long over it: the rpm database,
which each transaction changes, is large, and is hashed whole.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from ostree_layer.ostree_gi import GLib, OSTree

LARGE = 1 << 18


def can_adopt(store: OSTree.Repo, path: str) -> bool:
    """Whether it is worth it: for the files that are small, and they are many, libostree's own way is as good."""
    return store.get_mode() == OSTree.RepoMode.BARE and os.lstat(path).st_size >= LARGE


def adopt(store: OSTree.Repo, path: str) -> str:
    """Move the regular file at path into the repository, owner, mode and xattrs as they are; return its checksum."""
    with open(path, "rb") as file:
        digest = hashlib.sha256(_header(path))
        while block := file.read(LARGE):
            digest.update(block)
        if not store.get_disable_fsync():
            os.fsync(file.fileno())  # an object is there under its name only when its content is
    checksum = digest.hexdigest()
    target = Path(store.get_path().get_path(), "objects", checksum[:2], f"{checksum[2:]}.file")
    target.parent.mkdir(exist_ok=True)
    os.replace(path, target)
    return checksum


def _header(path: str) -> bytes:
    """What a content object's checksum begins with: the file's metadata as `(uuuusa(ayay))`, and before that its
    length and four bytes of padding; all numbers are big-endian."""
    status = os.lstat(path)
    numbers = (status.st_uid, status.st_gid, status.st_mode, 0)
    values = (struct.unpack("=I", struct.pack(">I", number))[0] for number in numbers)
    fields = [*(GLib.Variant("u", value) for value in values), GLib.Variant("s", ""), xattrs(path)]
    header: bytes = GLib.Variant.new_tuple(*fields).get_data_as_bytes().get_data()
    return struct.pack(">II", len(header), 0) + header


def xattrs(path: str, left_out: Iterable[str] = ()) -> GLib.Variant:
    """The extended attributes of path as an object has them, an `a(ayay)` in the order of their names."""
    names = sorted(set(os.listxattr(path, follow_symlinks=False)).difference(left_out), key=os.fsencode)
    # As numbers: of bytes, PyGObject makes a string with a zero at its end.
    pairs = [([*os.fsencode(name), 0], list(os.getxattr(path, name, follow_symlinks=False))) for name in names]
    return GLib.Variant("a(ayay)", [pair for pair in pairs if pair[1]])  # libostree takes an empty one for none
