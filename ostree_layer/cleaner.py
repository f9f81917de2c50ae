# SPDX-License-Identifier: GPL-2.0-or-later
"""The clean-up: started as a process of its own at the end of a run, so that nobody has to wait for it."""

from __future__ import annotations

import sys

from ostree_layer import host, local_history, local_rpms, looks, metadata, mounts, repo, staging, sysroot
from ostree_layer.errors import HostError
from ostree_layer.model import LocalCommit, Target
from ostree_layer.ostree_gi import OSTree, translated


def run(target: Target, history: int | None = None) -> None:
    """Leave of our work, of the deployments and of the objects only what is in use, or among the newest `history` local
    trees of a stateroot."""
    mounts.enter_private_namespace()
    with sysroot.locked(target, as_cleaner=True) as locked:
        _clean(locked, history)


def _clean(locked: OSTree.Sysroot, history: int | None) -> None:
    work, store = sysroot.work_folder(locked), sysroot.repository(locked)
    staging.sweep(work)
    looks.forget(store)
    for stateroot in local_history.stateroots(store):
        deployed = [deployment.get_csum() for deployment in sysroot.deployments_of(locked, stateroot)]
        local_history.keep(store, stateroot, deployed, history)
    used = _local_commits_in_use(locked, store)
    _drop_bases(store, {local.base for local in used})
    local_rpms.drop_files(work, [local.requests for local in used])
    with translated("cleaning up after the deployments", HostError):
        locked.cleanup(None)


def _local_commits_in_use(locked: OSTree.Sysroot, store: OSTree.Repo) -> list[LocalCommit]:
    """Those that are deployed, or that a ref of ours to a local tree names."""
    commits = {deployment.get_csum() for deployment in locked.get_deployments()}
    for prefix in (repo.LOCAL_REFS, repo.HISTORY_REFS):
        commits |= set(repo.refs(store, prefix).values())
    found = (metadata.parse_local(repo.metadata(repo.load_commit(store, checksum))) for checksum in commits)
    return [local for local in found if local is not None]


def _drop_bases(store: OSTree.Repo, used: set[str]) -> None:
    for name, checksum in repo.refs(store, repo.BASE_REFS).items():
        if checksum not in used:
            repo.set_ref(store, name, None)


if __name__ == "__main__":
    run(host.target_at(sys.argv[1]), *map(int, sys.argv[2:]))
