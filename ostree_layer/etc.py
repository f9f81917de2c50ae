# SPDX-License-Identifier: GPL-2.0-or-later
"""A deployment's /etc against its defaults in /usr/etc, by the rules of libostree's merge.

All paths are relative to /etc. Content, type, mode, owner and link target count; extended attributes alone do not.
"""

from __future__ import annotations

import contextlib
import enum
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Optional

from ostree_layer import etc_words
from ostree_layer.errors import HostError
from ostree_layer.model import EtcConflict, EtcObstacle, LocalEtc

Status = Optional[os.stat_result]
CHUNK = 1 << 16
# Edited on every host, and changed in the tree by each package that adds an account with useradd.
ACCOUNT_FILES = frozenset(("passwd", "group", "shadow", "gshadow", "subuid", "subgid"))


class Change(enum.Enum):
    ADDED = "added"
    MODIFIED = "changed"
    REMOVED = "removed"
    UNREAD = "unread"


def local_changes(defaults: Path, mine: Path) -> LocalEtc:
    """What is local in `mine`, a deployment's /etc, whose /usr/etc is `defaults`."""
    found: dict[Change, list[str]] = {change: [] for change in Change}
    with _translated():
        for path, change in _local(defaults, mine):
            found[change].append(path)
    return LocalEtc(
        modified=tuple(found[Change.MODIFIED]),
        added=tuple(found[Change.ADDED]),
        removed=tuple(found[Change.REMOVED]),
        unread=tuple(found[Change.UNREAD]),
    )


def conflicts(old: Path, new: Path, mine: Path) -> tuple[EtcConflict, ...]:
    """Where the defaults `old` were changed in `mine` and, in another way, in the defaults `new`.

    A directory's own mode and owner are no conflict. What the calling user may not read is left out.
    """
    with _translated():
        return tuple(_conflicts(old, new, mine))


def _conflicts(old: Path, new: Path, mine: Path) -> Iterator[EtcConflict]:
    for path, here in _local(old, mine):
        if here is not Change.UNREAD and not _is_settled(mine / path, new / path):
            tree = _change_of(old / path, new / path)
            if tree is not None:
                yield EtcConflict(path, here.value, tree.value, _is_account_file(path))


def _is_settled(mine: Path, new: Path) -> bool:
    """Whether there is nothing to choose between the two."""
    here, there = _status(mine), _status(new)
    if here is None or there is None:
        return here is there
    both_directories = stat.S_ISDIR(here.st_mode) and stat.S_ISDIR(there.st_mode)
    return both_directories or _compare(mine, here, new, there) in (None, Change.UNREAD)


def _change_of(old: Path, new: Path) -> Change | None:
    """What became of one path, and of all that is below it; None if nothing did, or nobody may know."""
    before, after = _status(old), _status(new)
    if before is None or after is None:
        return None if before is after else Change.ADDED if before is None else Change.REMOVED
    if stat.S_ISDIR(before.st_mode) and stat.S_ISDIR(after.st_mode):
        is_changed = any(change is not Change.UNREAD for _path, change in _walk(old, new, ""))
        return Change.MODIFIED if is_changed else None
    change = _compare(old, before, new, after)
    return None if change is Change.UNREAD else change


def _is_account_file(path: str) -> bool:
    """Whether it is /etc/passwd or one of its kind, or the copy that the account tools keep of it."""
    return (path[:-1] if path.endswith("-") else path) in ACCOUNT_FILES


def obstacles(old: Path, new: Path, mine: Path) -> tuple[EtcObstacle, ...]:
    """What keeps libostree from merging the local changes in `mine`, whose defaults are `old`, into `new`.

    It gives up where the tree has a directory for what is something else here, and where it has something else for a
    directory with local changes in it. It follows symbolic links, and copies a directory that is changed itself whole.
    """
    with _translated():
        local = dict(_local(old, mine))
        met = (_obstacle(path, local, new, mine) for path in local if local[path] is not Change.UNREAD)
        return tuple(dict.fromkeys(obstacle for obstacle in met if obstacle is not None))


def require_mergeable(old: Path, new: Path, mine: Path) -> None:
    """Raise HostError where libostree would refuse to merge, which for a staged deployment it does at the shutdown."""
    met = "; ".join(etc_words.render_obstacles(obstacles(old, new, mine)))
    if met:
        hint = "remove it, or make it again what it is in /usr/etc, and try again"
        raise HostError(f"{met}: libostree cannot merge that", hint=hint)


def _obstacle(path: str, local: Mapping[str, Change], new: Path, mine: Path) -> EtcObstacle | None:
    for above in reversed(PurePosixPath(path).parents[:-1]):
        is_copied = str(above) in local and local[path] is not Change.REMOVED
        if not is_copied and (new / above).exists() and not (new / above).is_dir():
            return EtcObstacle(str(above), "a directory", _kind(new / above))
    here = _status(mine / path)
    is_in_the_way = here is not None and not stat.S_ISDIR(here.st_mode) and _kind(new / path) == "a directory"
    return EtcObstacle(path, _kind(mine / path), "a directory") if is_in_the_way else None


def _kind(path: Path) -> str:
    status = _status(path)
    if status is None:
        return "nothing"
    names = {stat.S_IFDIR: "a directory", stat.S_IFREG: "a file", stat.S_IFLNK: "a symbolic link"}
    return names.get(stat.S_IFMT(status.st_mode), "a special file")


def _local(defaults: Path, mine: Path) -> Iterator[tuple[str, Change]]:
    """The local changes in mine; a deployment that is not finalized has no /etc yet, and so none."""
    return _walk(defaults, mine, "") if mine.is_dir() else iter(())


def _walk(old: Path, new: Path, below: str) -> Iterator[tuple[str, Change]]:
    """What leads from directory old to new, by path; where one of them is missing, it counts as empty."""
    try:
        before, after = _entries(old / below), _entries(new / below)
    except PermissionError:
        yield below.rstrip("/"), Change.UNREAD
        return
    for name in sorted(before.keys() | after.keys()):
        path = below + name
        change = _change(old / path, before.get(name), new / path, after.get(name))
        if change is not None:
            yield path, change
        if _goes_on(before.get(name), after.get(name)):
            yield from _walk(old, new, path + "/")


def _goes_on(before: Status, after: Status) -> bool:
    """Whether what is in a directory is told one by one."""
    is_directory = after is not None and stat.S_ISDIR(after.st_mode)
    return is_directory and (before is None or stat.S_ISDIR(before.st_mode))


def _change(old: Path, before: Status, new: Path, after: Status) -> Change | None:
    if before is None or after is None:
        return Change.ADDED if before is None else Change.REMOVED
    return _compare(old, before, new, after)


def _compare(old: Path, before: os.stat_result, new: Path, after: os.stat_result) -> Change | None:
    try:
        return Change.MODIFIED if _differ(old, before, new, after) else None
    except PermissionError:
        return Change.UNREAD
    except FileNotFoundError:
        return Change.REMOVED  # by somebody, a moment ago


def _differ(old: Path, before: os.stat_result, new: Path, after: os.stat_result) -> bool:
    """Compare two things that are there; what need not be read is not read."""
    if (before.st_mode, before.st_uid, before.st_gid) != (after.st_mode, after.st_uid, after.st_gid):
        return True
    if stat.S_ISLNK(before.st_mode):
        return os.readlink(old) != os.readlink(new)
    if not stat.S_ISREG(before.st_mode) or os.path.samestat(before, after):
        return False
    return before.st_size != after.st_size or not _have_same_content(old, new)


def _have_same_content(one: Path, other: Path) -> bool:
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        while True:
            chunk = first.read(CHUNK)
            if chunk != second.read(CHUNK):
                return False
            if not chunk:
                return True


def _entries(directory: Path) -> dict[str, os.stat_result]:
    """What is in a directory; nothing where there is none. Files may come and go while we look at a live /etc."""
    found = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                found[entry.name] = entry.stat(follow_symlinks=False)
    return found


def _status(path: Path) -> Status:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise HostError(f"comparing /etc with its defaults: {e.strerror}: {e.filename}") from e
