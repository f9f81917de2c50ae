# SPDX-License-Identifier: GPL-2.0-or-later
"""Users and groups of a commit: kept for the next one, and compared with it."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ostree_layer import account_files, checkout, sysusers
from ostree_layer.account_files import Accounts, Group, User
from ostree_layer.errors import ComposeError
from ostree_layer.layout import accounts
from ostree_layer.ostree_gi import OSTree

Numbers = Mapping[str, tuple[int, ...]]

NO_SHELL = "/usr/sbin/nologin"
# What it is, the file that has it, and the keys that say what is compared, and what may be missing.
KINDS = (
    ("user", "passwd", "check-passwd", "ignore-removed-users"),
    ("group", "group", "check-groups", "ignore-removed-groups"),
)


def of_commit(store: OSTree.Repo, checksum: str) -> Accounts:
    """All that the commit's account files and its lines of sysusers.d name, with their ids."""
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as folder:
        at = Path(folder)
        for place in ("usr/etc", account_files.ALTERNATIVE):
            for name in ("passwd", "group"):
                checkout.file(store, checksum, f"{place}/{name}", at / place / name)
        checkout.directory(store, checksum, accounts.FOLDER, at / accounts.FOLDER)
        found = account_files.read(at / "usr/etc", at / account_files.ALTERNATIVE)
        declared = sysusers.read(sorted((at / accounts.FOLDER).glob(f"{accounts.PREFIX}*.conf")))
    return Accounts({**declared.users, **found.users}, {**declared.groups, **found.groups})


def known(tree: Any, before: Accounts | None) -> Accounts:
    """Whose ids are kept, if the treefile wants that: what it compares with has the say over the commit before."""
    if not tree["preserve-passwd"]:
        return Accounts({}, {})
    users = dict(before.users) if before is not None else {}
    groups = dict(before.groups) if before is not None else {}
    for name, numbers in _wanted(tree["check-passwd"], "passwd", None).items():
        gid = numbers[1] if len(numbers) > 1 else numbers[0]
        users[name] = users.get(name, User(name, 0, 0, "", "/", NO_SHELL))._replace(uid=numbers[0], gid=gid)
    for name, (gid, *_more) in _wanted(tree["check-groups"], "group", None).items():
        groups[name] = groups.get(name, Group(name, 0, ()))._replace(gid=gid)
    return Accounts(users, groups)


def as_checks(found: Accounts) -> dict[str, Any]:
    """The keys of a treefile that give users and groups the ids that they have here."""
    entries = {key: _numbers(found, file) for _kind, file, key, _ignored in KINDS}
    return {
        key: {
            "type": "data",
            "entries": {name: list(ids) if ids[1:] else ids[0] for name, ids in sorted(named.items())},
        }
        for key, named in entries.items()
    }


def require_kept(tree: Any, before: Accounts | None, now: Accounts) -> None:
    """Refuse a tree in which a user or group is gone or has another id, as far as the treefile wants that checked."""
    problems: list[str] = []
    for kind, file, key, ignored in KINDS:
        wanted = _wanted(tree[key], file, before)
        problems += _problems(kind, wanted, _numbers(now, file), tree[ignored])
    if problems:
        hint = "ignore-removed-users and -groups name those that may go; check-passwd and -groups what is compared"
        raise ComposeError(f"{tree.path}: {'; '.join(problems)}", hint=hint)


def _wanted(check: Mapping[str, Any], file: str, before: Accounts | None) -> Numbers:
    """The ids that there have to be."""
    if check["type"] == "data":
        entries = check["entries"].items()
        return {name: tuple(ids) if isinstance(ids, (list, tuple)) else (ids,) for name, ids in entries}
    if check["type"] == "file":
        with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as folder:
            Path(folder, file).write_bytes(Path(check["filename"]).read_bytes())
            return _numbers(account_files.read(Path(folder)), file)
    return _numbers(before, file) if check["type"] == "previous" and before is not None else {}


def _numbers(found: Accounts, file: str) -> Numbers:
    if file == "passwd":
        return {user.name: (user.uid, user.gid) for user in found.users.values()}
    return {group.name: (group.gid,) for group in found.groups.values()}


def _problems(kind: str, before: Numbers, now: Numbers, may_go: Collection[str]) -> Iterator[str]:
    for name, numbers in before.items():
        if name not in now:
            if name not in may_go and "*" not in may_go:
                yield f"the {kind} {name} is not there any more"
        elif now[name][: len(numbers)] != numbers:
            yield f"the {kind} {name} had the id {_words(numbers)}, and has {_words(now[name])}"


def _words(numbers: tuple[int, ...]) -> str:
    return ":".join(map(str, numbers))
