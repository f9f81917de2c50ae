# SPDX-License-Identifier: GPL-2.0-or-later
"""/var is not in a commit: what a transaction put there becomes tmpfiles.d lines and factory files."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ostree_layer import dnf_base, tmpfiles
from ostree_layer.dnf_base import PackagedFile

TMPFILES = "usr/lib/tmpfiles.d"
FACTORY = "usr/share/factory/var"
PREFIX = "ostree-layer-"
UNOWNED = PREFIX + "scriptlets.conf"
# State of the host or of the package tools themselves, which no tree may bring along.
NEVER = ("var/lib/rpm", "var/lib/dnf", "var/cache/dnf", "var/cache/ldconfig", "var/tmp", "var/run", "var/lock")
# Directories here matter to whoever owns them; files that a scriptlet left in them do not.
VOLATILE = ("var/cache", "var/log", "var/tmp")

State = dict[str, tuple[int, int, int, int, int]]


def remember(root: Path) -> State:
    """What /var looks like, so that `carry` finds what scriptlets changed."""
    return {path: _stamp(os.lstat(root / path)) for path in _walk(root, "var")}


def _stamp(status: os.stat_result) -> tuple[int, int, int, int, int]:
    changed = 0 if stat.S_ISDIR(status.st_mode) else status.st_mtime_ns
    return status.st_mode, status.st_uid, status.st_gid, 0 if changed == 0 else status.st_size, changed


def _walk(root: Path, below: str) -> Iterator[str]:
    with os.scandir(root / below) as found:
        for entry in sorted(found, key=lambda e: e.name):
            path = f"{below}/{entry.name}"
            yield path
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path)


def carry(root: Path, before: State, installed: Iterable[str], removed: Iterable[str]) -> None:
    """Write into root's tree what makes /var, on any host that boots it, as the packages want it."""
    for name in sorted(set(removed) | set(installed)):
        _forget(root, name)
    owned: set[str] = set()
    for name in sorted(set(installed)):
        files = [f for f in dnf_base.packaged_files(root, name, "/var/") if not _is_below(f.path[1:], NEVER)]
        owned.update(f.path[1:] for f in files)
        _write(root, f"{PREFIX}{name}.conf", [line for f in files for line in _lines(root, f)])
    _write(root, UNOWNED, _unowned(root, before, owned), keep=True)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _forget(root: Path, name: str) -> None:
    """Take away the lines of a package that is gone or will be written anew, with the files they copy."""
    conf = root / TMPFILES / f"{PREFIX}{name}.conf"
    for source in filter(None, map(tmpfiles.source_of, _read(conf))):
        (root / source.lstrip("/")).unlink(missing_ok=True)
    conf.unlink(missing_ok=True)


def _lines(root: Path, file: PackagedFile) -> Iterator[str]:
    at = root / file.path[1:]
    if not os.path.lexists(at):
        return  # a scriptlet of the package removed it
    if file.is_directory:
        yield tmpfiles.directory(file.path, stat.S_IMODE(file.mode), file.user, file.group)
    elif stat.S_ISLNK(file.mode):
        yield tmpfiles.link(file.path, file.link)
    else:
        yield _factory_line(root, file.path)


def _factory_line(root: Path, path: str) -> str:
    """Keep a file of /var in the tree, and say where it goes."""
    kept = f"{FACTORY}/{path[len('/var/') :]}"
    (root / kept).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(root / path[1:], root / kept, follow_symlinks=False)
    status = os.lstat(root / path[1:])
    os.chown(root / kept, status.st_uid, status.st_gid, follow_symlinks=False)
    return tmpfiles.copy(path, f"/{kept}")


def _unowned(root: Path, before: State, owned: set[str]) -> list[str]:
    """Lines for what only a scriptlet can have made."""
    lines = []
    for path in _walk(root, "var"):
        status = os.lstat(root / path)
        if path in owned or before.get(path) == _stamp(status) or _is_below(path, NEVER):
            continue
        if stat.S_ISDIR(status.st_mode):
            lines.append(
                tmpfiles.directory(f"/{path}", stat.S_IMODE(status.st_mode), str(status.st_uid), str(status.st_gid))
            )
        elif stat.S_ISLNK(status.st_mode):
            lines.append(tmpfiles.link(f"/{path}", os.readlink(root / path)))
        elif stat.S_ISREG(status.st_mode) and not _is_below(path, VOLATILE):
            lines.append(_factory_line(root, f"/{path}"))
    return lines


def _write(root: Path, name: str, lines: list[str], *, keep: bool = False) -> None:
    """Write lines as a file of tmpfiles.d; with keep, after those that are there."""
    path = root / TMPFILES / name
    former = _read(path) if keep else []
    new = [line for line in lines if line not in former]
    if new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode("".join(line + "\n" for line in former + new)))


def _read(path: Path) -> list[str]:
    return os.fsdecode(path.read_bytes()).splitlines() if path.exists() else []
