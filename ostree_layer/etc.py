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

from ostree_layer import account_files
from ostree_layer.errors import HostError
from ostree_layer.etc_model import EtcObstacle, LocalEtc
from ostree_layer.model import EtcConflict

Status = Optional[os.stat_result]
CHUNK = 1 << 16
NOTHING, DIRECTORY = "nothing", "a directory"


class Change(enum.Enum):
    ADDED = "added"
    MODIFIED = "changed"
    REMOVED = "removed"
    UNREAD = "unread"


Changes = Mapping[str, Change]


def local_changes(defaults: Path, mine: Path) -> Changes:
    """What is local in `mine`, a deployment's /etc, whose /usr/etc is `defaults`.

    A deployment that is not finalized has no /etc yet, and so nothing local.
    """
    with _translated():
        return dict(_walk(os.fspath(defaults), os.fspath(mine), "") if mine.is_dir() else ())


def sorted_out(changes: Changes) -> LocalEtc:
    found: dict[Change, list[str]] = {change: [] for change in Change}
    for path, change in changes.items():
        found[change].append(path)
    return LocalEtc(
        modified=tuple(found[Change.MODIFIED]),
        added=tuple(found[Change.ADDED]),
        removed=tuple(found[Change.REMOVED]),
        unread=tuple(found[Change.UNREAD]),
    )


def conflicts(local: Changes, old: Path, new: Path, mine: Path) -> tuple[EtcConflict, ...]:
    """Where the changes from the defaults `old` to `mine`, which are `local`, meet others in the defaults `new`.

    A directory's own mode and owner are no conflict. What the calling user may not read is left out.
    """
    with _translated():
        return tuple(_conflicts(local, old, new, mine))


def _conflicts(local: Changes, old: Path, new: Path, mine: Path) -> Iterator[EtcConflict]:
    for path, here in local.items():
        if here is not Change.UNREAD and not _is_settled(mine / path, new / path):
            tree = _change_of(old / path, new / path)
            if tree is not None:
                yield EtcConflict(path, here.value, tree.value, is_account_file(path))


def _is_settled(mine: Path, new: Path) -> bool:
    """Whether there is nothing to choose between the two."""
    here, there = _status(mine), _status(new)
    if here is None or there is None:
        return here is there
    both_directories = stat.S_ISDIR(here.st_mode) and stat.S_ISDIR(there.st_mode)
    return both_directories or _compare(os.fspath(mine), here, os.fspath(new), there) in (None, Change.UNREAD)


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths have the same, or both nothing; of directories only they themselves are compared."""
    here, there = _status(one), _status(other)
    if here is None or there is None:
        return here is there
    return _compare(os.fspath(one), here, os.fspath(other), there) is None


def _change_of(old: Path, new: Path) -> Change | None:
    """What became of one path, and of all that is below it; None if nothing did, or nobody may know."""
    before, after = _status(old), _status(new)
    if before is None or after is None:
        return None if before is after else Change.ADDED if before is None else Change.REMOVED
    if stat.S_ISDIR(before.st_mode) and stat.S_ISDIR(after.st_mode):
        is_changed = any(change is not Change.UNREAD for change in local_changes(old, new).values())
        return Change.MODIFIED if is_changed else None
    change = _compare(os.fspath(old), before, os.fspath(new), after)
    return None if change is Change.UNREAD else change


def is_account_file(path: str) -> bool:
    """Whether it is /etc/passwd or one of its kind, or the copy that the account tools keep of it."""
    return (path[:-1] if path.endswith("-") else path) in account_files.FILES


def obstacles(local: Changes, new: Path, mine: Path) -> tuple[EtcObstacle, ...]:
    """What keeps libostree from merging the changes in `mine`, which are `local`, into the defaults `new`.

    It gives up where the tree has a directory for what is something else here, and where it has something else for a
    directory with local changes in it. It follows symbolic links, and copies a directory that is changed itself whole.
    """
    with _translated():
        met = (_obstacle(path, local, new, mine) for path in local if local[path] is not Change.UNREAD)
        return tuple(dict.fromkeys(obstacle for obstacle in met if obstacle is not None))


def _obstacle(path: str, local: Changes, new: Path, mine: Path) -> EtcObstacle | None:
    for above in reversed(PurePosixPath(path).parents[:-1]):
        is_copied = str(above) in local and local[path] is not Change.REMOVED
        if not is_copied and (new / above).exists() and not (new / above).is_dir():
            return EtcObstacle(str(above), DIRECTORY, kind(new / above))
    here = _status(mine / path)
    is_in_the_way = here is not None and not stat.S_ISDIR(here.st_mode) and kind(new / path) == DIRECTORY
    return EtcObstacle(path, kind(mine / path), DIRECTORY) if is_in_the_way else None


def kind(path: Path) -> str:
    """What is at a path, in words."""
    status = _status(path)
    if status is None:
        return NOTHING
    names = {stat.S_IFDIR: DIRECTORY, stat.S_IFREG: "a file", stat.S_IFLNK: "a symbolic link"}
    return names.get(stat.S_IFMT(status.st_mode), "a special file")


def _walk(old: str, new: str, below: str) -> Iterator[tuple[str, Change]]:
    """What leads from directory old to new, by path; where one of them is missing, it counts as empty."""
    try:
        before, after = _entries(f"{old}/{below}"), _entries(f"{new}/{below}")
    except PermissionError:
        yield below.rstrip("/"), Change.UNREAD
        return
    for name in sorted(before.keys() | after.keys()):
        path = below + name
        change = _change(f"{old}/{path}", before.get(name), f"{new}/{path}", after.get(name))
        if change is not None:
            yield path, change
        if _goes_on(before.get(name), after.get(name)):
            yield from _walk(old, new, path + "/")


def _goes_on(before: Status, after: Status) -> bool:
    """Whether what is in a directory is told one by one."""
    is_directory = after is not None and stat.S_ISDIR(after.st_mode)
    return is_directory and (before is None or stat.S_ISDIR(before.st_mode))


def _change(old: str, before: Status, new: str, after: Status) -> Change | None:
    if before is None or after is None:
        return Change.ADDED if before is None else Change.REMOVED
    return _compare(old, before, new, after)


def _compare(old: str, before: os.stat_result, new: str, after: os.stat_result) -> Change | None:
    try:
        return Change.MODIFIED if _differ(old, before, new, after) else None
    except PermissionError:
        return Change.UNREAD
    except FileNotFoundError:
        return Change.REMOVED  # by somebody, a moment ago


def _differ(old: str, before: os.stat_result, new: str, after: os.stat_result) -> bool:
    """Compare two things that are there; what need not be read is not read."""
    if (before.st_mode, before.st_uid, before.st_gid) != (after.st_mode, after.st_uid, after.st_gid):
        return True
    if stat.S_ISLNK(before.st_mode):
        return os.readlink(old) != os.readlink(new)
    if not stat.S_ISREG(before.st_mode) or os.path.samestat(before, after):
        return False
    return before.st_size != after.st_size or not _have_same_content(old, new)


def _have_same_content(one: str, other: str) -> bool:
    with _opened(one) as first, _opened(other) as second:
        while True:
            chunk = os.read(first, CHUNK)
            if chunk != os.read(second, CHUNK):
                return False
            if len(chunk) < CHUNK:
                return True


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    """A bare descriptor: Python's file objects cost more than what is read of the files of /etc."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _entries(directory: str) -> dict[str, os.stat_result]:
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
