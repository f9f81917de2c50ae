# SPDX-License-Identifier: GPL-2.0-or-later
"""The local trees that a host keeps after their deployments are gone: the newest ones, each by a ref."""

from __future__ import annotations

from collections.abc import Iterable

from ostree_layer import metadata, repo
from ostree_layer.ostree_gi import OSTree


def keep(store: OSTree.Repo, stateroot: str, deployed: Iterable[str], limit: int | None) -> None:
    """Let the newest `limit` local trees of stateroot have refs, and no older one; None: all that are still there.

    They are found from the newest tree, from those that are deployed and from those with refs, so that trees that were
    rolled back from are among them.
    """
    refs = kept(store, stateroot)
    newest = repo.resolve(store, repo.local_ref(stateroot))
    found = _lineages(store, [*([newest] if newest else []), *refs, *deployed])
    wanted = sorted(found, key=lambda checksum: -found[checksum])[:limit]
    for checksum in wanted:
        if checksum not in refs:
            repo.set_ref(store, repo.history_ref(stateroot, checksum), checksum)
    for checksum in refs:
        if checksum not in wanted:
            repo.set_ref(store, repo.history_ref(stateroot, checksum), None)


def kept(store: OSTree.Repo, stateroot: str) -> list[str]:
    """The local trees of stateroot that have refs of ours."""
    prefix = f"{repo.HISTORY_REFS}/{stateroot}"
    return sorted(set(repo.refs(store, prefix).values()))


def drop(store: OSTree.Repo, stateroot: str) -> None:
    """Take the refs away; what nothing else keeps is gone with the next clean-up."""
    for checksum in kept(store, stateroot):
        repo.set_ref(store, repo.history_ref(stateroot, checksum), None)


def stateroots(store: OSTree.Repo) -> set[str]:
    """The stateroots that have a local tree, or had one."""
    newest = [name[len(repo.LOCAL_REFS) + 1 :] for name in repo.refs(store, repo.LOCAL_REFS)]
    older = [name[len(repo.HISTORY_REFS) + 1 :].rpartition("/")[0] for name in repo.refs(store, repo.HISTORY_REFS)]
    return {*newest, *older}


def _lineages(store: OSTree.Repo, starts: Iterable[str]) -> dict[str, int]:
    """The local trees that starts are, or were made from, with their times; of one time the newer comes first."""
    found: dict[str, int] = {}
    for start in starts:
        checksum = start
        while checksum and checksum not in found and repo.has_commit(store, checksum):
            commit = repo.load_commit(store, checksum)
            local = metadata.parse_local(repo.metadata(commit))
            if local is None:
                break
            found[checksum] = repo.timestamp(commit)
            checksum = local.previous
    return found
