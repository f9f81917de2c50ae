# SPDX-License-Identifier: GPL-2.0-or-later
"""Promotion: a tree that a host has made becomes a commit that other hosts can stand on, of the same content."""

from __future__ import annotations

import dataclasses

from ostree_layer import advisories, checkout, diff, metadata, repo
from ostree_layer.compose import versions
from ostree_layer.errors import RepoError
from ostree_layer.metadata import OURS, Values
from ostree_layer.model import LocalCommit
from ostree_layer.ostree_gi import GLib, OSTree, translated

# The host's own commit, of which all but the content stays where it was made.
FROM = OURS + "promoted-from"
KEPT = (*metadata.CARRIED, metadata.PKGLIST, advisories.KEY)


def source_of(store: OSTree.Repo, checksum: str | None) -> str:
    """The host's commit that a promoted one was made from; empty for others, and where there is none."""
    found = repo.metadata(repo.load_commit(store, checksum)).get(FROM) if checksum else None
    return "" if found is None else str(found.get_string())


@dataclasses.dataclass(frozen=True)
class Promotion:
    """A host's commit, of which `store` has the content, and what it is to follow there: a commit, or nothing.

    `recipe` is metadata that says how it is made again, and `version` what it is called, if not by a number more.
    """

    store: OSTree.Repo
    source: OSTree.Repo
    checksum: str
    parent: str | None
    recipe: Values
    version: str = ""

    def write(self) -> str:
        """Write the commit, always the same one, into the store; no ref leads to it yet."""
        store, commit = self.store, repo.load_commit(self.source, self.checksum)
        values = GLib.Variant("a{sv}", self._values(commit))
        with translated(f"writing commit {self.checksum[:12]} for others", RepoError), repo.transaction(store):
            root = store.read_commit(self.checksum, None)[1]
            time = repo.timestamp(commit)
            return str(store.write_commit_with_time(self.parent, None, None, values, root, time, None)[1])

    def _values(self, commit: GLib.Variant) -> Values:
        there = repo.metadata(commit)
        local = metadata.parse_local(there)
        assert local is not None
        values = {**self.recipe, **{key: there[key] for key in KEPT if key in there}}
        values[FROM] = GLib.Variant("s", self.checksum)
        version = self.version or self._next_version(local)
        if version:
            values["version"] = GLib.Variant("s", version)
        if self.parent is not None:
            before, now = (checkout.require_packages(self.store, name) for name in (self.parent, self.checksum))
            values[metadata.DIFF] = metadata.diff_variant(diff.compare(before, now))
        return values

    def _next_version(self, local: LocalCommit) -> str:
        """A number more than that of the base, or than the last of this base; empty where the base has none."""
        base = repo.version(repo.load_commit(self.source, local.base))
        last = repo.version(repo.load_commit(self.store, self.parent)) if self.parent else ""
        return versions.next_version(base, ".", last if last.startswith(f"{base}.") else base, 0) if base else ""
