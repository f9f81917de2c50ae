# SPDX-License-Identifier: GPL-2.0-or-later
"""Users and groups of packages: lines of sysusers.d, with the ids that the tree's files carry.

The tree's own account files stay as they were: where the admin has changed /etc/passwd, that one wins the merge, and
what only the tree's had would be lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ostree_layer import account_files, rpmdb, sysusers
from ostree_layer.account_files import FILES, Accounts
from ostree_layer.layout import ids as ids_of
from ostree_layer.layout.ids import RESERVED, Ids
from ostree_layer.layout.record import Record

FOLDER = "usr/lib/sysusers.d"
# Read first, so that an id of ours comes before one that a package leaves to the host.
PREFIX = "00-ostree-layer-"
PROGRAM = "usr/bin/systemd-sysusers"
GROUP_FILES = ("group", "gshadow")

Texts = dict[str, list[str]]


def remember(etc: Path) -> Texts:
    """The account files of `etc` as they are; those that are not there are left out."""
    return {name: account_files.lines(etc / name) for name in FILES if (etc / name).exists()}


def reserve(root: Path, host: Accounts) -> None:
    """Add to root's account files what keeps the host's ids from being given away.

    What the tree declares has the host's ids; of what else the host has, packages see no names.
    """
    tree, declared, etc = account_files.of_tree(root), sysusers.declared(root), root / "etc"
    uids, gids = {user.uid for user in tree.users.values()}, {group.gid for group in tree.groups.values()}
    passwd, group = _altfiles(root, "passwd"), _altfiles(root, "group")
    for user in host.users.values():
        if user.name not in tree.users and user.uid not in uids:
            name = user.name if user.name in declared else f"{RESERVED}{user.uid}"
            passwd.append(f"{name}:x:{user.uid}:{user.gid}:{user.gecos}:{user.home}:{user.shell}")
    for one in host.groups.values():
        if one.name not in tree.groups and one.gid not in gids:
            group.append(f"{one.name if one.name in declared else f'{RESERVED}{one.gid}'}:x:{one.gid}:")
    account_files.write_lines(etc / "passwd", [*account_files.lines(etc / "passwd"), *passwd])
    account_files.write_lines(etc / "group", [*account_files.lines(etc / "group"), *group])


def are_missing(root: Path) -> bool:
    """Whether the tree declares accounts that root does not have: systemd-sysusers would make them."""
    tree = account_files.of_tree(root)
    return not sysusers.declared(root).keys() <= tree.users.keys() | tree.groups.keys()


def _altfiles(root: Path, name: str) -> list[str]:
    """The accounts that packages would not find: rpm reads /etc only."""
    here = {line.split(":")[0] for line in account_files.lines(root / "etc" / name)}
    there = account_files.lines(root / account_files.ALTERNATIVE / name)
    return [line for line in there if line.split(":")[0] not in here]


def declare(
    root: Path, pristine: Texts, host: Accounts, record: Record, *, keeps_new: bool, groups: Collection[str] = ()
) -> Ids:
    """Write what the transaction did to accounts into sysusers.d, and make the account files what they were.

    `pristine` are the account files from before `reserve`. Those of a tree that reads no sysusers.d keep what is new,
    and if `keeps_new` so do all; `groups` of altfiles are in /etc/group, too.
    """
    start, now = record.accounts, account_files.read(root / "etc")
    ids = ids_of.of_host(start, now, host)
    is_read = (root / PROGRAM).exists()
    if is_read:
        for package in sorted(record.gone):
            _conf(root, package).unlink(missing_ok=True)
        for package, lines in _by_package(root, pristine, ids_of.renumbered(now, ids), record).items():
            _add(root, package, lines)
    new = {*now.users, *now.groups} - {*start.users, *start.groups}
    _give_back(root / "etc", pristine, new if keeps_new or not is_read else set(), ids)
    _show_groups(root, groups)
    return ids


def packaged(etc: Path, record: Record) -> Texts:
    """What packages themselves brought into the account files of a tree that began empty; root is always theirs."""
    texts = remember(etc)
    created = record.created.keys() - {"root"}
    for name, lines in texts.items():
        found = [line for line in lines if line.split(":")[0] not in created]
        texts[name] = [_without_members(line, created) for line in found] if name in GROUP_FILES else found
    return texts


def named_in(texts: Texts, found: Accounts) -> Accounts:
    """Those of the accounts found that the files of `texts` name, with the members that these say."""
    names = {name: {line.split(":")[0]: line for line in lines} for name, lines in texts.items()}
    users = {name: user for name, user in found.users.items() if name in names.get("passwd", {})}
    groups = {}
    for name, group in found.groups.items():
        if name in names.get("group", {}):
            members = names["group"][name].rpartition(":")[2]
            groups[name] = group._replace(members=tuple(filter(None, members.split(","))))
    return Accounts(users, groups)


def _without_members(line: str, created: Collection[str]) -> str:
    (head, _, members) = line.rpartition(":")
    kept = [member for member in members.split(",") if f"{line.split(':')[0]}:{member}" not in created]
    return f"{head}:{','.join(kept)}"


def _by_package(root: Path, pristine: Texts, now: Accounts, record: Record) -> dict[str, list[str]]:
    """The lines of each package: for what it created, and for what its files belong to, if the tree has no id for that.

    Packages that share a user have the same lines, so that none of them takes the user along when it goes.
    """
    start, found = record.accounts, dict[str, list[str]]()
    altfiles = account_files.read(root / account_files.ALTERNATIVE)
    in_tree = {line.split(":")[0] for lines in pristine.values() for line in lines}
    in_tree |= altfiles.users.keys() | altfiles.groups.keys()
    declarers, used = _declarers(root), rpmdb.accounts_used(root, record.installed)
    for name in (now.users.keys() | now.groups.keys()) - in_tree:
        packages = {package for package, names in used.items() if name in names}
        if (name in now.users and name not in start.users) or (name in now.groups and name not in start.groups):
            packages.add(record.created.get(name) or declarers.get(name) or record.NOBODY)
        for package in packages:
            found.setdefault(package, []).extend(_lines(now, name))
    for member, of in _memberships(now) - _memberships(start):
        package = record.created.get(f"{of}:{member}") or declarers.get(member) or record.NOBODY
        found.setdefault(package, []).append(sysusers.member(member, of))
    return {package: sorted(lines) for package, lines in found.items() if package not in record.gone}


def _lines(accounts: Accounts, name: str) -> list[str]:
    lines = [sysusers.group(accounts.groups[name])] if name in accounts.groups else []
    return [*lines, sysusers.user(accounts.users[name])] if name in accounts.users else lines


def _declarers(root: Path) -> dict[str, str]:
    """The packages whose sysusers.d declares a name."""
    found = {}
    for name, file in sysusers.declared(root).items():
        for owner in rpmdb.owners(root, [f"/{file.relative_to(root)}"]):
            found[name] = owner.name
    return found


def _memberships(accounts: Accounts) -> set[tuple[str, str]]:
    return {(member, group.name) for group in accounts.groups.values() for member in group.members}


def _conf(root: Path, package: str) -> Path:
    return root / FOLDER / f"{PREFIX}{package}.conf"


def _add(root: Path, package: str, lines: list[str]) -> None:
    file = _conf(root, package)
    file.parent.mkdir(parents=True, exist_ok=True)
    former = account_files.lines(file)
    kept = [line for line in former if _subject(line) not in map(_subject, lines)]
    file.write_text("".join(line + "\n" for line in [*kept, *lines]))


def _subject(line: str) -> list[str]:
    """What a line is about: a user, a group, or a membership."""
    words = line.split()
    return words[:3] if words[0] == "m" else words[:2]


def _give_back(etc: Path, pristine: Texts, kept: Collection[str], ids: Ids) -> None:
    """Make the account files what they were, but for changes of what was in them, and for the names that are kept."""
    for name in FILES:
        if name not in pristine and not kept:
            (etc / name).unlink(missing_ok=True)
            continue
        former = {line.split(":")[0]: line for line in pristine.get(name, [])}
        lines = []
        for line in account_files.lines(etc / name):
            if line.split(":")[0] in former:
                lines.append(_without_new_members(name, line, former))
            elif line.split(":")[0] in kept:
                lines.append(ids_of.in_line(name, line, ids))
        account_files.write_lines(etc / name, lines)


def _show_groups(root: Path, groups: Collection[str]) -> None:
    wanted = [line for line in _altfiles(root, "group") if line.split(":")[0] in groups]
    if wanted:
        file = root / "etc/group"
        account_files.write_lines(file, [*account_files.lines(file), *wanted])


def _without_new_members(file: str, line: str, former: Mapping[str, str]) -> str:
    """New members of an old group have lines of their own in sysusers.d."""
    old = former.get(line.split(":")[0])
    if file not in GROUP_FILES or old is None:
        return line
    (head, _, members), (old_head, _, old_members) = line.rpartition(":"), old.rpartition(":")
    has_only_more = head == old_head and {"", *members.split(",")} >= {*old_members.split(",")}
    return old if has_only_more else line
