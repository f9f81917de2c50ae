# SPDX-License-Identifier: GPL-2.0-or-later
"""Which running programs are made of files that /usr does not have any more."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
USR = "/usr/"


class Running(NamedTuple):
    """A process, and the service that it belongs to, if it is one of the system's."""

    pid: int
    name: str
    service: str


def outdated(layer: Path, lower: Path) -> list[Running]:
    """The processes that run code which is another one, or none, in `layer` over `lower`; not this one."""
    inode = functools.lru_cache(maxsize=None)(functools.partial(_inode, layer, lower))
    pids = sorted(int(entry) for entry in os.listdir(PROC) if entry.isdigit() and int(entry) != os.getpid())
    found = (pid for pid in pids if any(inode(path) != number for path, number in set(_mapped(pid))))
    return [_running(pid) for pid in found if _is_of_host(pid)]


def _is_of_host(pid: int) -> bool:
    """Whether a process has the root that we have: a container has a /usr of its own."""
    try:
        return os.path.samestat((PROC / str(pid) / "root").stat(), os.stat("/"))
    except FileNotFoundError:
        return False


def _inode(layer: Path, lower: Path, path: str) -> int:
    """What is the inode of a path below /usr now; 0 where there is nothing."""
    for root in (layer, lower):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = os.lstat(root / path)
            return status.st_ino if not stat.S_ISCHR(status.st_mode) else 0
        if _is_hidden(layer, path):
            return 0
    return 0


def _is_hidden(layer: Path, path: str) -> bool:
    """Whether a layer has something else where a directory would be on the way to a path."""
    parents = [layer / parent for parent in Path(path).parents]
    return any(os.path.lexists(parent) and not parent.is_dir() for parent in parents)


def _mapped(pid: int) -> Iterator[tuple[str, int]]:
    """The files of /usr that a process runs code of, and their inodes; nothing of one that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for line in (PROC / str(pid) / "maps").read_text(errors="surrogateescape").splitlines():
            _range, access, _offset, _device, inode, *path = line.split(maxsplit=5)
            if "x" in access and path and path[0].startswith(USR):
                yield path[0].removesuffix(" (deleted)")[len(USR) :], int(inode)


def _running(pid: int) -> Running:
    name, groups = "", ""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        name = (PROC / str(pid) / "comm").read_text(errors="replace").strip()
        groups = (PROC / str(pid) / "cgroup").read_text(errors="replace")
    units = [word for word in groups.replace("\n", "/").split("/") if word.endswith(".service")]
    is_systems = bool(units) and not units[0].startswith("user@")
    return Running(pid, name, units[0] if is_systems else "")
