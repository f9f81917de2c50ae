# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes to a host beside its tree: files that are in its /run when its systemd starts.

They are in an archive behind the initramfs, as the kernel lets one add; the initramfs's systemd copies them to /run,
which the host's own takes over. So a commit is booted as it is, and neither its /usr nor its /etc has more in it.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple, Union

FOLDER = "ostree-layer-supplement"
SERVICE = f"""[Unit]
Description=What comes to /run beside the tree
DefaultDependencies=no
Before=initrd-switch-root.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/cp -a /{FOLDER}/. /run/
"""
UNITS = "etc/systemd/system"
UNIT = "ostree-layer-supplement.service"
END = "TRAILER!!!"


class Link(NamedTuple):
    """A symbolic link, by where it leads."""

    target: str


# By paths below /run, or of an archive.
Content = Mapping[str, Union[str, Link]]


def supplemented(initramfs: bytes, content: Content) -> bytes:
    """An initramfs that brings content, by paths below /run, to the host that it boots."""
    more = {f"{FOLDER}/{path}": entry for path, entry in content.items()}
    more[f"{UNITS}/{UNIT}"] = SERVICE
    more[f"{UNITS}/initrd.target.wants/{UNIT}"] = Link(f"../{UNIT}")
    return _padded(initramfs, 512) + archive(more)


def enabled(unit: str, text: str, target: str) -> dict[str, str | Link]:
    """Content that is a unit, which the target wants."""
    units = "systemd/system"
    return {f"{units}/{unit}": text, f"{units}/{target}.wants/{unit}": Link(f"../{unit}")}


def archive(content: Content) -> bytes:
    """A cpio archive in the kernel's format, newc, of files that everybody reads, and all directories on the way."""
    entries: dict[str, tuple[int, bytes]] = {}
    for path, entry in content.items():
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            entries[str(folder)] = (stat.S_IFDIR | 0o755, b"")
        if isinstance(entry, Link):
            entries[path] = (stat.S_IFLNK | 0o777, entry.target.encode())
        else:
            entries[path] = (stat.S_IFREG | 0o644, entry.encode())
    made = [_member(number, path, *entry) for number, (path, entry) in enumerate(entries.items(), 1)]
    return b"".join(made) + _member(0, END, 0, b"")


def _member(number: int, path: str, mode: int, data: bytes) -> bytes:
    name = path.encode() + b"\0"
    # Number, mode, owner, group, links, time, size, two devices, length of the name, no checksum.
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + name, 4) + _padded(data, 4)


def _padded(data: bytes, block: int) -> bytes:
    return data + bytes(-len(data) % block)
