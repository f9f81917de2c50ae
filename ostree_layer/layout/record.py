# SPDX-License-Identifier: GPL-2.0-or-later
"""What a transaction did, as it was seen from outside: packages by DNF, scriptlets by what they left."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ostree_layer import account_files
from ostree_layer.account_files import Accounts

Stamp = tuple[int, int, int, int, int]
State = dict[str, Stamp]


@dataclasses.dataclass
class Record:
    """Paths are relative to the root.

    `before` and `accounts`: /var, and the accounts, before the first scriptlet. `made` and `created` say which
    package's scriptlet made or changed a path in /var, created a user or group, or a member (as GROUP:MEMBER).
    """

    NOBODY: ClassVar[str] = "scriptlets"

    before: State = dataclasses.field(default_factory=dict)
    accounts: Accounts = Accounts({}, {})
    made: dict[str, str] = dataclasses.field(default_factory=dict)
    created: dict[str, str] = dataclasses.field(default_factory=dict)
    installed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    @property
    def gone(self) -> frozenset[str]:
        return self.removed - self.installed


class Watch:
    """Looks at /var and at the accounts around each scriptlet, from outside the cage, and keeps a record."""

    def __init__(self, var: Path, etc: Path) -> None:
        self._var, self._etc = var, etc
        self._state: State = {}
        self._stamps: list[Stamp] = []
        self._seen = Accounts({}, {})
        self.record: Record | None = None

    def start(self) -> None:
        """A transaction is about to begin; for the record, the first one counts."""
        if self.record is not None:
            return
        self._state, self._stamps, self._seen = (
            remember(self._var),
            self._account_stamps(),
            account_files.read(self._etc),
        )
        self.record = Record(before=self._state, accounts=self._seen)

    def begins(self) -> None:
        """A scriptlet is about to run: what has come into /var since the last one is of packages."""
        self._state = remember(self._var)

    def ended(self, package: str) -> None:
        assert self.record is not None, "a scriptlet ran before the record was begun"
        state = remember(self._var)
        self.record.made.update((path, package) for path, stamp in state.items() if self._state.get(path) != stamp)
        self._state = state
        if self._stamps != self._account_stamps():
            self._stamps, now = self._account_stamps(), account_files.read(self._etc)
            self.record.created.update((name, package) for name in _names(now) - _names(self._seen))
            self._seen = now

    def _account_stamps(self) -> list[Stamp]:
        return [_stamp(os.lstat(self._etc / name)) for name in ("passwd", "group") if (self._etc / name).exists()]


def _names(accounts: Accounts) -> set[str]:
    members = {f"{group.name}:{member}" for group in accounts.groups.values() for member in group.members}
    return {*accounts.users, *accounts.groups, *members}


def remember(var: Path) -> State:
    """What `var`, a root's /var, looks like."""
    return {path: _stamp(status) for path, status in _walk(os.fspath(var), "var")}


def _stamp(status: os.stat_result) -> Stamp:
    """What changes with content, owner or mode; of a directory its own mode and owner, and not what is in it."""
    owned = (status.st_mode, status.st_uid, status.st_gid)
    return (*owned, 0, 0) if stat.S_ISDIR(status.st_mode) else (*owned, status.st_size, status.st_mtime_ns)


def _walk(folder: str, shown: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda e: e.name):
            path = f"{shown}/{entry.name}"
            yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, path)
