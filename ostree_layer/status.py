# SPDX-License-Identifier: GPL-2.0-or-later
"""What is deployed: read into plain values first, put into words second."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer import database, diff, etc, etc_words, metadata, origin, repo, rpmdb, sysroot
from ostree_layer.fields import field, listed, moment
from ostree_layer.model import EtcStatus, Package, PackageDiff, Requests
from ostree_layer.ostree_gi import OSTree

LINES = 12
ETC_LINES = 6
UNLOCKED_NONE = OSTree.DeploymentUnlockedState.NONE


@dataclasses.dataclass(frozen=True)
class DeploymentStatus:
    """One deployment; `timestamp` is its commit's, in seconds since the epoch."""

    stateroot: str
    checksum: str
    serial: int
    refspec: str
    version: str
    timestamp: int
    base: str = ""
    base_version: str = ""
    requests: Requests = Requests()
    command: str = ""
    booted: bool = False
    staged: bool = False
    pinned: bool = False
    merge: bool = False
    """Whether it is the one whose /etc the next deployment of its stateroot gets."""
    unlocked: str = ""
    changes: PackageDiff = PackageDiff()
    """What booting it would change: see `read`."""
    etc: EtcStatus = EtcStatus()


def read(loaded: OSTree.Sysroot) -> tuple[DeploymentStatus, ...]:
    """The deployments in boot order.

    `changes` is against the booted deployment, or, where none is, against the next one of the same stateroot.
    """
    store = sysroot.repository(loaded)
    deployments = list(loaded.get_deployments())
    return tuple(_read_one(loaded, store, d, _compared_with(loaded, deployments, d)) for d in deployments)


def _compared_with(
    loaded: OSTree.Sysroot, deployments: list[OSTree.Deployment], deployment: OSTree.Deployment
) -> OSTree.Deployment | None:
    booted = sysroot.find_booted(loaded)
    if booted is not None:
        return None if deployment.equal(booted) else booted
    later = deployments[deployments.index(deployment) + 1 :]
    return next((d for d in later if d.get_osname() == deployment.get_osname()), None)


def _read_one(
    loaded: OSTree.Sysroot, store: OSTree.Repo, deployment: OSTree.Deployment, other: OSTree.Deployment | None
) -> DeploymentStatus:
    commit = repo.load_commit(store, deployment.get_csum())
    values = repo.metadata(commit)
    local = metadata.parse_local(values)
    booted = sysroot.find_booted(loaded)
    unlocked = deployment.get_unlocked()
    return DeploymentStatus(
        stateroot=deployment.get_osname(),
        checksum=deployment.get_csum(),
        serial=deployment.get_deployserial(),
        refspec=origin.refspec(deployment),
        version=repo.version(commit),
        timestamp=repo.timestamp(commit),
        base=local.base if local else "",
        base_version=_version_of(store, local.base) if local else "",
        requests=local.requests if local else Requests(),
        command=local.transaction.command if local else "",
        booted=booted is not None and deployment.equal(booted),
        staged=deployment.is_staged(),
        pinned=deployment.is_pinned(),
        unlocked="" if unlocked == UNLOCKED_NONE else OSTree.Deployment.unlocked_state_to_string(unlocked),
        merge=deployment.equal(loaded.get_merge_deployment(deployment.get_osname())),
        changes=_changes(loaded, store, other, deployment),
        etc=_read_etc(loaded, deployment),
    )


def _read_etc(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> EtcStatus:
    former, staged = _waits_after(loaded, deployment) or deployment, deployment.is_staged()
    root, other = sysroot.deployment_path(loaded, deployment), sysroot.deployment_path(loaded, former)
    old, new, mine = other / "usr/etc", root / "usr/etc", other / "etc"
    local, merged = etc.local_changes(new, root / "etc"), etc.local_changes(old, mine)
    # Where the merge is over, a file that is no longer local is one for which the user took the new default.
    conflicts = [c for c in etc.conflicts(merged, old, new, mine) if staged or c.path in local]
    return EtcStatus(
        directory=_etc_of(loaded, former if staged else deployment),
        defaults=os.fspath(new),
        local=etc.sorted_out(local),
        conflicts=tuple(conflicts),
        obstacles=etc.obstacles(merged, new, mine) if staged else (),
    )


def _etc_of(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> str:
    """Where a user finds the /etc of a deployment."""
    booted = sysroot.find_booted(loaded)
    is_booted = booted is not None and deployment.equal(booted)
    return "/etc" if is_booted else os.fspath(sysroot.deployment_path(loaded, deployment) / "etc")


def _waits_after(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> OSTree.Deployment | None:
    """The deployment that a waiting one gets its /etc from, or got it from; None for one that does not wait.

    That is the booted one, or where none is booted the one after the newest. After a rollback it is the older one that
    waits, and nothing was merged into that.
    """
    siblings = sysroot.deployments_of(loaded, deployment.get_osname())
    position = next(index for index, sibling in enumerate(siblings) if sibling.equal(deployment))
    booted, later = sysroot.find_booted(loaded), siblings[position + 1 :]
    if booted is not None and booted.get_osname() == deployment.get_osname():
        later = [sibling for sibling in later if sibling.equal(booted)]
    elif position:
        return None
    if deployment.is_staged():
        return later[0]
    return next((s for s in later[:1] if _commit_time(loaded, s) <= _commit_time(loaded, deployment)), None)


def _commit_time(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> int:
    return repo.timestamp(repo.load_commit(sysroot.repository(loaded), deployment.get_csum()))


def _version_of(store: OSTree.Repo, checksum: str) -> str:
    """The version of a commit that is interesting, but need not be there any more."""
    return repo.version(repo.load_commit(store, checksum)) if repo.has_commit(store, checksum) else ""


def _changes(
    loaded: OSTree.Sysroot, store: OSTree.Repo, other: OSTree.Deployment | None, deployment: OSTree.Deployment
) -> PackageDiff:
    if other is None or other.get_csum() == deployment.get_csum():
        return PackageDiff()
    return diff.compare(_packages(loaded, store, other), _packages(loaded, store, deployment))


def _packages(loaded: OSTree.Sysroot, store: OSTree.Repo, deployment: OSTree.Deployment) -> tuple[Package, ...]:
    """The packages of a deployment: from its commit's metadata, or else from its rpm database."""
    stored = metadata.parse_packages(repo.metadata(repo.load_commit(store, deployment.get_csum())))
    if stored is not None:
        return stored
    root = sysroot.deployment_path(loaded, deployment)
    dbpath = database.find_rpmdb(root)
    return rpmdb.installed_packages(root, dbpath) if dbpath else ()


def render(deployments: Iterable[DeploymentStatus]) -> Iterator[str]:
    """The lines of `dnf status`."""
    for number, deployment in enumerate(deployments):
        if number:
            yield ""
        yield from _render_one(deployment)


def _render_one(deployment: DeploymentStatus) -> Iterator[str]:
    mark = "●" if deployment.booted else " "
    notes = [word for word in ("booted", "staged", "pinned", "unlocked") if getattr(deployment, word)]
    title = deployment.refspec or "local tree"
    yield f"{mark} {deployment.stateroot} {title}" + (f" ({', '.join(notes)})" if notes else "")
    for name, value in _fields(deployment):
        if value:
            yield field(name, value)
    yield from listed("Changes", _shortened(diff.render(deployment.changes), LINES))
    yield from _render_etc(deployment)


def _render_etc(deployment: DeploymentStatus) -> Iterator[str]:
    found = deployment.etc
    if deployment.merge:
        yield from listed("Local in /etc", _shortened(etc_words.render_local(found.local), ETC_LINES + 1))
    yield from listed("Stopped by /etc", _shortened(etc_words.render_obstacles(found.obstacles), LINES))
    yield from listed("Conflicts in /etc", _shortened(etc_words.render_conflicts(found.conflicts), LINES))
    if found.conflicts:
        yield from listed("New defaults", [found.defaults])
        yield from listed("Compare by", filter(None, [etc_words.render_comparison(found)]))


def _shortened(found: Iterable[str], limit: int) -> list[str]:
    lines = list(found)
    more = len(lines) - limit
    return lines if more <= 0 else [*lines[:limit], f"and {more} more (all of them: --json)"]


def _fields(deployment: DeploymentStatus) -> Iterator[tuple[str, str]]:
    requests = deployment.requests
    yield "Version", f"{deployment.version or '(none)'} ({moment(deployment.timestamp)})"
    yield "Commit", f"{deployment.checksum}.{deployment.serial}"
    yield "Base", deployment.base
    yield "Made by", deployment.command
    yield "Layered packages", " ".join(requests.packages)
    yield "Groups", " ".join(requests.groups)
    yield "Modules", " ".join(requests.modules)
    yield "Local packages", " ".join(entry.partition(":")[2] for entry in requests.local)
    yield "Removed from base", " ".join(requests.removed)
    yield "Replaced in base", " ".join(requests.replaced)
    yield "Unlocked", deployment.unlocked


def as_json(deployments: Iterable[DeploymentStatus]) -> dict[str, Any]:
    """`dnf status --json`: the fields of DeploymentStatus under their own names, packages as NEVRAs."""
    return {"deployments": [_one_as_json(deployment) for deployment in deployments]}


def _one_as_json(deployment: DeploymentStatus) -> dict[str, Any]:
    return {
        **dataclasses.asdict(deployment),
        "id": f"{deployment.stateroot}-{deployment.checksum}.{deployment.serial}",
        "changes": diff.as_json(deployment.changes),
    }
