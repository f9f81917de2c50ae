# SPDX-License-Identifier: GPL-2.0-or-later
"""/var is not in a commit: what a transaction put there becomes tmpfiles.d lines and factory files.

The same goes for the places that a tree has as links into /var, and for what packages have in /run and /tmp.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from ostree_layer import account_files, ownership, rpmdb, tmpfiles
from ostree_layer.account_files import Accounts
from ostree_layer.errors import CommitError
from ostree_layer.layout import record as records
from ostree_layer.layout.record import Record

FACTORY = "usr/share/factory"
AREAS = ("var/", "run/", "tmp/")
# The tops of paths that lead into none of them, for speed: nearly every packaged file has one of these.
ELSEWHERE = ("/usr/bin/", "/usr/lib", "/usr/share/", "/usr/sbin/", "/usr/include/", "/usr/src/", "/etc/")
# State of the host or of the package tools themselves, which no tree may bring along.
NEVER = (
    "var/lib/rpm",
    "var/lib/rpm-state",
    "var/lib/dnf",
    "var/cache/dnf",
    "var/cache/ldconfig",
    "var/run",
    "var/lock",
    "run/lock",
)
# Directories here matter to whoever owns them; files that a scriptlet left in them do not.
VOLATILE = ("var/cache", "var/log", "var/tmp")


class Tree:
    """The tree at a root: its accounts, the paths that tmpfiles.d of others makes, and those that are none of ours."""

    def __init__(self, root: Path, elsewhere: Iterable[str]) -> None:
        self.root = root
        self.accounts: Accounts = account_files.of_tree(root)
        self.made = tmpfiles.made_in(root, but=f"{tmpfiles.OURS}-")
        self._elsewhere = tuple(f"{folder}/" for folder in elsewhere)

    def carries(self, path: str) -> bool:
        return not _is_below(path, NEVER) and not path.startswith(self._elsewhere)

    def conf(self, package: str) -> Path:
        return self.root / tmpfiles.FOLDER / f"{tmpfiles.OURS}-{package}.conf"


def carry(root: Path, record: Record, elsewhere: Iterable[str] = ()) -> None:
    """Write into root's tree what makes /var, on any host that boots it, as packages and their scriptlets left it.

    What is in the folders of `elsewhere` the tree keeps in another way.
    """
    tree = Tree(root, elsewhere)
    for name in sorted(record.removed | record.installed):
        _forget(tree, name, all_of_it=name in record.gone)
    owned = {path: name for name in sorted(record.installed) for path in _owned(tree, name)}
    whose = {**dict(_changed(tree, record, owned)), **owned}
    existed = record.before.keys() - owned.keys()
    for name in sorted(set(whose.values())):
        paths = sorted(path for path in whose if whose[path] == name)
        lines = [line for path in paths for line in _line(tree, path, existed=path in existed)]
        tmpfiles.write(tree.conf(name), [*tmpfiles.read(tree.conf(name)), *lines])


def _forget(tree: Tree, name: str, *, all_of_it: bool) -> None:
    """Take away a package's lines, or those for what is not there any more, with the files that they copy."""
    former = tmpfiles.read(tree.conf(name))
    kept = [] if all_of_it else [line for line in former if os.path.lexists(f"{tree.root}/{tmpfiles.path_of(line)}")]
    tmpfiles.write(tree.conf(name), kept)
    files = {source for line in former if (source := tmpfiles.source_of(line))}
    for source in files - _copied(tree) if files else ():
        _remove(tree.root / FACTORY, source[len(f"/{FACTORY}/") :])


def _copied(tree: Tree) -> set[str]:
    """What lines of ours copy: two packages may have the same file."""
    files = (tree.root / tmpfiles.FOLDER).glob(f"{tmpfiles.OURS}-*.conf")
    return {source for file in files for source in map(tmpfiles.source_of, tmpfiles.read(file)) if source}


def _remove(factory: Path, path: str) -> None:
    (factory / path).unlink(missing_ok=True)
    for folder in (factory / path).parents:
        if folder == factory.parent or any(folder.iterdir()):
            return
        folder.rmdir()


def _owned(tree: Tree, name: str) -> Iterator[str]:
    """Where, relative to the root, the packages called name have something in one of the areas."""
    root = os.path.realpath(tree.root)
    for path in rpmdb.paths(tree.root, name):
        if path.startswith(ELSEWHERE):
            continue
        folder = os.path.realpath(f"{root}/{os.path.dirname(path)}")
        found = os.path.relpath(os.path.join(folder, os.path.basename(path)), root)
        if found.startswith(AREAS) and tree.carries(found) and os.path.lexists(f"{root}/{found}"):
            yield found


def _changed(tree: Tree, record: Record, owned: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What scriptlets made or changed in /var, and whose they are."""
    now = records.remember(tree.root / "var")
    for path, whose in record.made.items():
        is_changed = path in now and record.before.get(path) != now[path]
        if not is_changed or path in owned or whose in record.gone or not tree.carries(path):
            continue
        if stat.S_ISDIR(now[path][0]) or not _is_below(path, VOLATILE):
            yield path, whose


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _line(tree: Tree, path: str, *, existed: bool) -> Iterator[str]:
    """The line that makes `path` as it is now; what has one already, of whomever, gets no second one."""
    status = os.lstat(tree.root / path)
    owner = (
        stat.S_IMODE(status.st_mode),
        tree.accounts.name_of_user(status.st_uid),
        tree.accounts.name_of_group(status.st_gid),
    )
    if stat.S_ISREG(status.st_mode):
        yield tmpfiles.copy(f"/{path}", f"/{_keep(tree.root, path)}")
    elif f"/{path}" in tree.made:
        return
    elif stat.S_ISLNK(status.st_mode):
        yield tmpfiles.link(f"/{path}", os.readlink(tree.root / path))
    elif stat.S_ISDIR(status.st_mode):
        yield (tmpfiles.adjust if existed else tmpfiles.directory)(f"/{path}", *owner)
    elif stat.S_ISFIFO(status.st_mode):
        yield tmpfiles.fifo(f"/{path}", *owner)
    else:
        raise CommitError(f"/{path} is a device or a socket, and a tree cannot bring one along")


def _keep(root: Path, path: str) -> str:
    """Copy a file into the tree, and return where to; libostree takes only names that are UTF-8."""
    kept = f"{FACTORY}/{path}"
    try:
        kept.encode()
    except UnicodeEncodeError:
        kept = f"{FACTORY}/{quote(os.fsencode(path))}"
    (root / kept).parent.mkdir(parents=True, exist_ok=True)
    ownership.copy(root / path, root / kept)
    return kept
