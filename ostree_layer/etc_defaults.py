# SPDX-License-Identifier: GPL-2.0-or-later
"""New defaults in an /etc that is in use: where nobody has anything of his own, and back again.

All paths are relative to /etc. The account files are left alone: accounts come by sysusers.d.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Callable

from ostree_layer import etc, ownership
from ostree_layer.errors import HostError

# What a path was given; an empty one says that it was removed.
Seals = Mapping[str, str]


def planned(old: Path, new: Path, mine: Path, given: Seals) -> tuple[str, ...]:
    """The paths that are in the defaults `new` otherwise than in `old`, and that are not local in `mine`.

    What is as it was `given` before, in the place of what is in `old`, is not local.
    """

    def is_free(path: str) -> bool:
        return etc.is_same(old / path, mine / path) or (path in given and _seal(mine / path) == given[path])

    with _translated():
        return tuple(_planned(old, new, mine, is_free))


def _planned(old: Path, new: Path, mine: Path, is_free: Callable[[str], bool]) -> Iterator[str]:
    come: set[str] = set()
    for path, change in etc.local_changes(old, new).items():
        if change is etc.Change.UNREAD or etc.is_account_file(path):
            continue
        gone = change is etc.Change.REMOVED or etc.kind(new / path) != etc.kind(old / path)
        yield from (below for below in _below(old, path) if gone and is_free(below))
        if _is_within_reach(mine, path, come) and is_free(path):
            come.add(path)
            yield path


def _below(old: Path, path: str) -> Iterator[str]:
    """What goes with a directory that goes."""
    if etc.kind(old / path) == etc.DIRECTORY:
        for folder, folders, files in os.walk(old / path):
            yield from (os.path.relpath(os.path.join(folder, name), old) for name in (*folders, *files))


def _is_within_reach(mine: Path, path: str, come: set[str]) -> bool:
    """Whether what is above a path is a directory, and no link to one, or will be."""
    above = os.path.dirname(path)
    return (
        not above or above in come or (etc.kind(mine / above) == etc.DIRECTORY and _is_within_reach(mine, above, come))
    )


def seals(paths: Iterable[str], new: Path) -> dict[str, str]:
    """By what each path will be known that `take` makes as it is in `new`."""
    return {path: _seal(new / path) for path in paths}


def _seal(path: Path) -> str:
    kind = etc.kind(path)
    if kind == etc.NOTHING:
        return ""
    status = path.lstat()
    words = f"{stat.S_IFMT(status.st_mode):o} {stat.S_IMODE(status.st_mode):o} {status.st_uid} {status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{words} {os.readlink(path)}"
    return f"{words} {hashlib.sha256(path.read_bytes()).hexdigest()}" if stat.S_ISREG(status.st_mode) else words


def take(paths: Iterable[str], new: Path, mine: Path) -> None:
    """Let each of paths be in `mine` what it is in the defaults `new`; a directory with anything in it stays."""
    with _translated():
        wanted = list(paths)
        for path in sorted((path for path in wanted if _is_in_the_way(new / path, mine / path)), reverse=True):
            _remove(mine / path)
        for path in sorted(path for path in wanted if etc.kind(new / path) != etc.NOTHING):
            _put(new / path, mine / path)


def take_back(given: Seals, defaults: Path, mine: Path) -> None:
    """Let what is still as it was given be as in `defaults` again; what is not is somebody's own now."""
    with _translated():
        untouched = [path for path, seal in given.items() if _seal(mine / path) == seal]
        take(untouched, defaults, mine)


def own(changes: etc.Changes, given: Seals, mine: Path) -> etc.Changes:
    """What of the changes in `mine` is local, and not as it was given."""
    if not given:
        return changes
    return {path: change for path, change in changes.items() if path not in given or _seal(mine / path) != given[path]}


def _is_in_the_way(new: Path, mine: Path) -> bool:
    return etc.kind(mine) not in (etc.NOTHING, etc.kind(new))


def _remove(path: Path) -> None:
    if etc.kind(path) != etc.DIRECTORY:
        path.unlink()
        return
    with contextlib.suppress(OSError):  # somebody has something of his own in there
        path.rmdir()


def _put(source: Path, target: Path) -> None:
    if etc.kind(source) == etc.DIRECTORY:
        target.mkdir(exist_ok=True)
        ownership.dress(source, target)
    elif target.parent.is_dir() and etc.kind(target) != etc.DIRECTORY:
        new = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        ownership.copy(source, new)
        new.replace(target)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise HostError(f"bringing new defaults to /etc: {e.strerror}: {e.filename}") from e
