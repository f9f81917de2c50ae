# SPDX-License-Identifier: GPL-2.0-or-later
"""A finished workpiece of a host becomes a commit, with all that is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ostree_layer import advisories, commit, interop, lean, metadata, repo, sysroot
from ostree_layer.failpoint import failpoint
from ostree_layer.lean import LeanUsr
from ostree_layer.model import Advisory, LocalCommit, Package, Settings
from ostree_layer.ostree_gi import OSTree

Graft = Callable[[OSTree.Repo, str], OSTree.MutableTree]


class Content(NamedTuple):
    """What a commit says: of us, of its packages, of `news` about these; `own` is further metadata of ours."""

    local: LocalCommit
    packages: set[Package]
    news: Iterable[Advisory] = ()
    own: metadata.Values = {}
    subject: str = ""


class Sealed(NamedTuple):
    checksum: str
    lean: LeanUsr | None
    words: interop.Words


def seal(graft: Graft, locked: OSTree.Sysroot, former: str, content: Content, settings: Settings) -> Sealed:
    """Write what a workpiece has become, on the commit `former`, as its `graft` does; nothing leads to it yet."""
    store, local, packages = sysroot.repository(locked), content.local, content.packages
    previous = repo.load_commit(store, former)
    words = interop.words(settings, store, local, packages, sysroot.work_folder(locked))
    news = advisories.about(packages, [*content.news, *advisories.parse(repo.metadata(previous))])
    others = {**words.metadata(local.base), **advisories.values(news), **content.own}
    with commit.writing(store):
        tree = graft(store, former)
        failpoint("layering::grafted")
        values = metadata.render(local, packages, repo.metadata(previous), others)
        checksum = commit.write(store, tree, local, values, content.subject)
        return Sealed(checksum, lean.write(store, checksum), words)
