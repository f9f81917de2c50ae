# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of users and groups, which in a tree must be those that somebody else has for the same names."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from ostree_layer import ownership
from ostree_layer.account_files import Accounts, Group, User

# Names of what only keeps an id from being given to somebody else.
RESERVED = "ostree-layer-"


@dataclasses.dataclass(frozen=True)
class Ids:
    """Ids in what a transaction wrote, and what they are to be instead: those that the host has for the same names."""

    users: Mapping[int, int]
    groups: Mapping[int, int]


def of_host(start: Accounts, now: Accounts, host: Accounts) -> Ids:
    """Where the host has another id for a name that is new: the host's, unless the tree has given that to another."""
    return Ids(
        _moved(_numbers(start.users), _numbers(now.users), _numbers(host.users)),
        _moved(_numbers(start.groups), _numbers(now.groups), _numbers(host.groups)),
    )


def _numbers(accounts: Mapping[str, User | Group]) -> dict[str, int]:
    return {name: one.uid if isinstance(one, User) else one.gid for name, one in accounts.items()}


def _moved(start: Mapping[str, int], now: Mapping[str, int], host: Mapping[str, int]) -> dict[int, int]:
    fixed = {number for name, number in start.items() if not name.startswith(RESERVED)}
    new = sorted(now.keys() - start.keys())
    wanted = {name: host[name] for name in new if name in host and host[name] not in fixed}
    moved = {now[name]: number for name, number in wanted.items()}
    taken = {*start.values(), *now.values(), *host.values()}
    for name in new:
        if name not in wanted and now[name] in wanted.values():
            moved[now[name]] = next(number for number in range(now[name], 0, -1) if number not in taken)
            taken.add(moved[now[name]])
    return {mine: theirs for mine, theirs in moved.items() if mine != theirs}


def renumbered(now: Accounts, ids: Ids) -> Accounts:
    """The accounts with the ids that they are to have."""
    gid = {group.gid: ids.groups.get(group.gid, group.gid) for group in now.groups.values()}
    users = {
        name: user._replace(uid=ids.users.get(user.uid, user.uid), gid=gid.get(user.gid, user.gid))
        for name, user in now.users.items()
    }
    return Accounts(users, {name: group._replace(gid=gid[group.gid]) for name, group in now.groups.items()})


def in_line(file: str, line: str, ids: Ids) -> str:
    """A line of an account file with the ids that it is to have."""
    fields = line.split(":")
    if file == "passwd":
        fields[2] = str(ids.users.get(int(fields[2]), fields[2]))
        fields[3] = str(ids.groups.get(int(fields[3]), fields[3]))
    elif file == "group":
        fields[2] = str(ids.groups.get(int(fields[2]), fields[2]))
    return ":".join(fields)


def renumber(upper: Path, ids: Ids) -> None:
    """Give what is in an upper directory, which is not mounted any more, the ids that it is to have."""
    if not ids.users and not ids.groups:
        return
    for folder, directories, files in os.walk(upper):
        for name in (*directories, *files):
            _renumber_one(os.path.join(folder, name), ids)


def _renumber_one(path: str, ids: Ids) -> None:
    status = os.lstat(path)
    user, group = ids.users.get(status.st_uid, -1), ids.groups.get(status.st_gid, -1)
    if (user, group) != (-1, -1):
        ownership.give(path, user, group)
