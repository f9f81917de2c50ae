# SPDX-License-Identifier: GPL-2.0-or-later
"""What is deployed, read into plain values."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import (
    certification,
    checkout,
    diff,
    etc,
    etc_defaults,
    finalization,
    live_state,
    metadata,
    origin,
    repo,
    retention,
    signatures,
    sysroot,
    updates,
)
from ostree_layer.errors import RepoError
from ostree_layer.etc_model import EtcStatus
from ostree_layer.model import Package, PackageDiff, Requests, Settings
from ostree_layer.oci import reference
from ostree_layer.ostree_gi import OSTree
from ostree_layer.status_model import AutomaticStatus, DeploymentStatus, LiveStatus, SignatureStatus, Status

UNLOCKED_NONE = OSTree.DeploymentUnlockedState.NONE


def read(loaded: OSTree.Sysroot, settings: Settings) -> Status:
    """The deployments, and whether the last shutdown failed to finalize one.

    `changes` is against the booted deployment, or, where none is, against the next one of the same stateroot.
    """
    failed = finalization.failure(Path(loaded.get_path().get_path()), is_booted=sysroot.find_booted(loaded) is not None)
    found = tuple(_read_one(loaded, index) for index in range(len(loaded.get_deployments())))
    return Status(found, tuple(filter(None, [failed])), _read_automatic(loaded, settings, found))


def _read_automatic(
    loaded: OSTree.Sysroot, settings: Settings, deployments: tuple[DeploymentStatus, ...]
) -> AutomaticStatus:
    """What was found to be available is so until it is deployed, and packages until there is any other deployment."""
    run = updates.read(sysroot.work_folder(loaded))
    found, there = run.available if run else None, {one.base or one.checksum for one in deployments}
    if found is not None and (found.checksum in there if found.checksum else found.since != deployments[0].checksum):
        found = None
    return AutomaticStatus(settings.automatic, settings.automatic_window, run, found)


def _compared_with(loaded: OSTree.Sysroot, index: int) -> OSTree.Deployment | None:
    booted, (deployment, *later) = sysroot.find_booted(loaded), loaded.get_deployments()[index:]
    if booted is not None:
        return None if deployment.equal(booted) else booted
    return next((d for d in later if d.get_osname() == deployment.get_osname()), None)


def _read_one(loaded: OSTree.Sysroot, index: int) -> DeploymentStatus:
    deployment = loaded.get_deployments()[index]
    store, checksum = sysroot.repository(loaded), deployment.get_csum()
    commit = repo.load_commit(store, checksum)
    local = metadata.parse_local(repo.metadata(commit))
    booted = sysroot.find_booted(loaded)
    unlocked = deployment.get_unlocked()
    return DeploymentStatus(
        stateroot=deployment.get_osname(),
        checksum=checksum,
        serial=deployment.get_deployserial(),
        refspec=origin.refspec(deployment),
        version=repo.version(commit),
        timestamp=repo.timestamp(commit),
        index=index,
        label=origin.label(deployment),
        base=local.base if local else "",
        base_version=_version_of(store, local.base) if local else "",
        pinned_to=_pinned_to(deployment),
        followed=origin.followed_before(deployment),
        requests=local.requests if local else Requests(),
        command=local.transaction.command if local else "",
        booted=booted is not None and deployment.equal(booted),
        staged=deployment.is_staged(),
        pinned=retention.is_pinned_by_user(deployment),
        live=_live(loaded, deployment),
        unlocked="" if unlocked == UNLOCKED_NONE else OSTree.Deployment.unlocked_state_to_string(unlocked),
        merge=deployment.equal(loaded.get_merge_deployment(deployment.get_osname())),
        signatures=_signatures(store, local.base if local else checksum, origin.remote(deployment)),
        changes=_changes(loaded, _compared_with(loaded, index), deployment),
        etc=_read_etc(loaded, deployment),
    )


def _live(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> LiveStatus | None:
    booted = sysroot.find_booted(loaded)
    record = live_state.current(sysroot.work_folder(loaded))
    if record is None or booted is None or not deployment.equal(booted):
        return None
    return LiveStatus(record.commit, record.version, record.left)


def _pinned_to(deployment: OSTree.Deployment) -> str:
    followed = origin.refspec(deployment)
    named = "" if reference.is_image(followed) else followed.rpartition(":")[2]
    return origin.override(deployment) or (named if origin.CHECKSUM.fullmatch(named) else "")


def _signatures(store: OSTree.Repo, checksum: str, remote: str) -> SignatureStatus:
    """Those of a commit, which need not be there any more, by the keys of the remote if there is one of that name."""
    if not repo.has_commit(store, checksum):
        return SignatureStatus()
    if remote not in store.remote_list():
        remote = ""
    try:
        demanded = bool(remote) and signatures.are_demanded(store, remote)
        found = certification.check(store, checksum, signatures.Keys(remote=remote))
        return SignatureStatus(found.signatures, found.certifications, demanded)
    except RepoError as e:
        return SignatureStatus(unread=str(e))


def _read_etc(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> EtcStatus:
    former, staged = _waits_after(loaded, deployment) or deployment, deployment.is_staged()
    root, other = sysroot.deployment_path(loaded, deployment), sysroot.deployment_path(loaded, former)
    old, new, mine = other / "usr/etc", root / "usr/etc", other / "etc"
    local, merged = (_local(loaded, tree) for tree in (root, other))
    # Where the merge is over, a file that is no longer local is one for which the user took the new default.
    conflicts = [c for c in etc.conflicts(merged, old, new, mine) if staged or c.path in local]
    return EtcStatus(
        directory=_etc_of(loaded, former if staged else deployment),
        defaults=os.fspath(new),
        local=etc.sorted_out(local),
        conflicts=tuple(conflicts),
        obstacles=etc.obstacles(merged, new, mine) if staged else (),
    )


def _local(loaded: OSTree.Sysroot, deployment: Path) -> etc.Changes:
    given = live_state.given_to(sysroot.work_folder(loaded), deployment)
    return etc_defaults.own(etc.local_changes(deployment / "usr/etc", deployment / "etc"), given, deployment / "etc")


def _etc_of(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> str:
    """Where a user finds the /etc of a deployment."""
    booted = sysroot.find_booted(loaded)
    is_booted = booted is not None and deployment.equal(booted)
    return "/etc" if is_booted else os.fspath(sysroot.deployment_path(loaded, deployment) / "etc")


def _waits_after(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> OSTree.Deployment | None:
    """The deployment that a waiting one gets its /etc from, or got it from; None for one that does not wait.

    That is the booted one, or where none is booted the one after the newest; a new stateroot has none. After a rollback
    it is the older one that waits, and nothing was merged into that.
    """
    siblings = sysroot.deployments_of(loaded, deployment.get_osname())
    position = next(index for index, sibling in enumerate(siblings) if sibling.equal(deployment))
    booted, later = sysroot.find_booted(loaded), siblings[position + 1 :]
    if booted is not None and booted.get_osname() == deployment.get_osname():
        later = [sibling for sibling in later if sibling.equal(booted)]
    elif position:
        return None
    if deployment.is_staged():
        return next(iter(later), None)
    return next((s for s in later[:1] if _commit_time(loaded, s) <= _commit_time(loaded, deployment)), None)


def _commit_time(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> int:
    return repo.timestamp(repo.load_commit(sysroot.repository(loaded), deployment.get_csum()))


def _version_of(store: OSTree.Repo, checksum: str) -> str:
    """The version of a commit that is interesting, but need not be there any more."""
    return repo.version(repo.load_commit(store, checksum)) if repo.has_commit(store, checksum) else ""


def _changes(loaded: OSTree.Sysroot, other: OSTree.Deployment | None, deployment: OSTree.Deployment) -> PackageDiff:
    if other is None or other.get_csum() == deployment.get_csum():
        return PackageDiff()
    return diff.compare(_packages(loaded, other), _packages(loaded, deployment))


def _packages(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> tuple[Package, ...]:
    root = sysroot.deployment_path(loaded, deployment)
    return checkout.packages(sysroot.repository(loaded), deployment.get_csum(), root) or ()
