# SPDX-License-Identifier: GPL-2.0-or-later
"""/etc/passwd, /etc/group and the files that go with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

FILES = ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")
# Where trees of nss-altfiles have those that are not to be merged.
ALTERNATIVE = "usr/lib"


class User(NamedTuple):
    name: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str


class Group(NamedTuple):
    name: str
    gid: int
    members: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Accounts:
    """By name, in the order of the files."""

    users: dict[str, User]
    groups: dict[str, Group]

    def name_of_user(self, uid: int) -> str:
        """The name of uid, or its number where it has none."""
        return next((user.name for user in self.users.values() if user.uid == uid), str(uid))

    def name_of_group(self, gid: int) -> str:
        return next((group.name for group in self.groups.values() if group.gid == gid), str(gid))


def read(*folders: Path) -> Accounts:
    """The accounts in the folders' passwd and group; the first folder that has a name has the say."""
    users: dict[str, User] = {}
    groups: dict[str, Group] = {}
    for folder in folders:
        for fields in _rows(folder / "passwd", 7):
            if fields[2].isdecimal() and fields[3].isdecimal():
                users.setdefault(fields[0], User(fields[0], int(fields[2]), int(fields[3]), *fields[4:7]))
        for fields in _rows(folder / "group", 4):
            if fields[2].isdecimal():
                members = tuple(filter(None, fields[3].split(",")))
                groups.setdefault(fields[0], Group(fields[0], int(fields[2]), members))
    return Accounts(users, groups)


def of_tree(root: Path) -> Accounts:
    return read(root / "etc", root / ALTERNATIVE)


def _rows(file: Path, columns: int) -> list[list[str]]:
    return [line.split(":") for line in lines(file) if line.count(":") == columns - 1]


def lines(file: Path) -> list[str]:
    return file.read_text(errors="surrogateescape").splitlines() if file.exists() else []


def write_lines(file: Path, text: list[str]) -> None:
    """Rewrite a file that exists, where that changes anything, with its owner and mode."""
    content = "".join(line + "\n" for line in text)
    if file.exists() and file.read_text(errors="surrogateescape") != content:
        file.write_text(content, errors="surrogateescape")
