# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees between a good one and a bad one: the good one with some of the package changes that lead to the bad one."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ostree_layer import checkout, commit, comparison, database, diff, packaged, repo, rpmdb
from ostree_layer.contents import Contents, Entry
from ostree_layer.model import Package
from ostree_layer.ostree_gi import GLib, OSTree

# What differs with each package, and is no package's.
BOOKS = tuple(f"/{folder}" for folder in (*database.RPMDB_DIRECTORIES, database.HISTORY_DIRECTORY))


@dataclasses.dataclass(frozen=True)
class Change:
    """A package that is another one, or new, or gone."""

    old: Package | None
    new: Package | None

    def __str__(self) -> str:
        if self.old is None or self.new is None:
            one = self.old or self.new
            assert one is not None
            return f"{one.nevra} ({'added' if self.old is None else 'removed'})"
        return f"{self.old.name} {self.old.evr} -> {self.new.evr}"


class Between:
    """The package changes that lead from one commit to another, in an order in which each comes after what it needs,
    as far as there is one; and the trees on the way."""

    def __init__(self, store: OSTree.Repo, good: str, bad: str) -> None:
        self._store, self._good, self._bad = store, good, bad
        self._old, self._new = Contents(store, good), Contents(store, bad)
        self.changes = list(self._in_order())
        before = _paths(store, good, self._old, {change.old.nevra for change in self.changes if change.old})
        after = _paths(store, bad, self._new, {change.new.nevra for change in self.changes if change.new})
        self._paths = [
            {path for one, paths in ((change.old, before), (change.new, after)) if one for path in paths[one.nevra]}
            for change in self.changes
        ]

    def _in_order(self) -> Iterator[Change]:
        old, new = (checkout.require_packages(self._store, checksum) for checksum in (self._good, self._bad))
        found = diff.compare(old, new)
        former = {new: old for old, new in (*found.upgraded, *found.downgraded)}
        for package in _ordered(self._store, self._bad, {*former, *found.added}):
            yield Change(former.get(package), package)
        # What nobody of those needs any more goes after them, and before what it needed itself.
        for package in reversed(_ordered(self._store, self._good, set(found.removed))):
            yield Change(package, None)

    def tree(self, count: int) -> str:
        """A commit of the good tree with the files of so many changes as the bad one has them; nothing leads to it."""
        tree = OSTree.MutableTree.new_from_commit(self._store, self._good)
        edit = _Edit(tree, self._old, self._new)
        for path in sorted(set().union(*self._paths[:count])):
            edit.take(path)
        edit.forget_empty()
        found = repo.load_commit(self._store, self._good)
        values = GLib.Variant("a{sv}", repo.metadata(found))
        with commit.writing(self._store):
            root = self._store.write_mtree(tree, None)[1]
            subject, time = f"with {count} changes of {self._bad}", repo.timestamp(found)
            return str(self._store.write_commit_with_time(self._good, subject, None, values, root, time, None)[1])

    def others(self) -> list[str]:
        """The paths that differ and that no changed package has; databases of packages left out."""
        whole = Contents(self._store, self.tree(len(self.changes)))
        found = comparison.compare_files(whole, self._new)
        return [one.path for one in found if not f"{one.path}/".startswith(tuple(f"{book}/" for book in BOOKS))]


def _ordered(store: OSTree.Repo, checksum: str, wanted: set[Package]) -> list[Package]:
    with checkout.rpm_database(store, checksum) as (root, dbpath):
        return rpmdb.in_order(root, dbpath, wanted) if dbpath and wanted else []


def _paths(store: OSTree.Repo, checksum: str, contents: Contents, wanted: set[str]) -> dict[str, set[str]]:
    """What the packages have in the tree, by NEVRA."""
    found: dict[str, set[str]] = defaultdict(set)
    for nevra, path, _is_directory in packaged.paths(store, checksum, contents, wanted):
        found[nevra].add(path)
    return found


class _Edit:
    """Takes paths of a tree from another one."""

    def __init__(self, tree: OSTree.MutableTree, old: Contents, new: Contents) -> None:
        self._tree, self._old, self._new = tree, old, new
        self._gone: set[str] = set()

    def take(self, path: str) -> None:
        """Let path be what it is in the other tree, or not there if it is not there."""
        *parents, name = path.split("/")
        trail = list(_trail(self._new, path))
        if len(trail) <= len(parents):
            self._remove(parents, name)
            self._gone.update("/".join(parents[:depth]) for depth in range(len(trail) + 1, len(parents) + 1))
            return
        folder = self._tree
        for above, entry in zip(parents, trail):
            folder = _enter(folder, above, entry)
        last = trail[-1]
        if last.is_directory:
            _enter(folder, name, last).set_metadata_checksum(last.meta)
        else:
            if name in folder.get_subdirs():
                folder.remove(name, True)
            folder.replace_file(name, last.contents)

    def _remove(self, parents: list[str], name: str) -> None:
        folder = self._find(parents)
        if folder is None:
            return
        if name in folder.get_subdirs():
            self._gone.add("/".join([*parents, name]))
        elif name in folder.get_files():
            folder.remove(name, True)

    def _find(self, names: list[str]) -> OSTree.MutableTree | None:
        """The directory that names lead to, if there is one."""
        folder = self._tree
        for name in names:
            folder = folder.get_subdirs().get(name) if folder is not None else None
        return folder

    def forget_empty(self) -> None:
        """Remove the directories that the other tree has not, if nothing is in them."""
        for path in sorted(self._gone, key=lambda path: path.count("/"), reverse=True):
            *parents, name = path.split("/")
            folder, found = self._find(parents), self._find([*parents, name])
            if folder is not None and found is not None and not found.get_files() and not found.get_subdirs():
                folder.remove(name, True)


def _enter(folder: OSTree.MutableTree, name: str, entry: Entry) -> OSTree.MutableTree:
    """The directory called name in folder, made as the other tree has it where there is none."""
    if name in folder.get_files():
        folder.remove(name, True)
    is_new = name not in folder.get_subdirs()
    found = folder.ensure_dir(name)[1]
    if is_new:
        found.set_metadata_checksum(entry.meta)
    return found


def _trail(contents: Contents, path: str) -> Iterator[Entry]:
    """What is at each part of path, as far as there is something; links are not followed."""
    entry = contents.root
    for name in path.split("/"):
        found = contents.entries(entry).get(name)
        if found is None:
            return
        yield found
        entry = found


def named(changes: Iterable[Change]) -> Iterator[str]:
    yield from (f"  {change}" for change in changes)
