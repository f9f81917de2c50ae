# SPDX-License-Identifier: GPL-2.0-or-later
"""How long deployments stay: what the user has pinned, and what is kept because `deployments=` asks for more than two.

libostree drops all but the new, the merge and the booted deployment, and those that are pinned, when it writes one or
finalizes a staged one. What is to stay longer therefore gets its pin, with a mark that tells it from a user's.
"""

from __future__ import annotations

from ostree_layer import origin, sysroot
from ostree_layer.failpoint import failpoint
from ostree_layer.ostree_gi import OSTree

PINNED = "pinned"
KEPT = "ostree-layer.kept"


def is_pinned_by_user(deployment: OSTree.Deployment) -> bool:
    return bool(deployment.is_pinned()) and not _is_kept(deployment)


def pin(locked: OSTree.Sysroot, deployment: OSTree.Deployment) -> None:
    """Keep the deployment until the user unpins it."""
    origin.write_own(locked, deployment, {PINNED: "true", KEPT: ""})


def unpin(locked: OSTree.Sysroot, deployment: OSTree.Deployment) -> None:
    """Keep the deployment no longer than libostree does."""
    origin.write_own(locked, deployment, {PINNED: "", KEPT: ""})


def keep(locked: OSTree.Sysroot, stateroot: str, limit: int) -> None:
    """Before a deployment of stateroot is written: have libostree keep so many that there will be `limit` with it.

    What the user has pinned stays besides. With a limit of 2 libostree does by itself what is wanted.
    """
    finalized = sysroot.finalized(locked, stateroot)
    safe = [d for d in finalized if _stays_anyway(locked, d)]
    others = [d for d in finalized if d not in safe and not is_pinned_by_user(d)]
    room = max(0, limit - 1 - len(safe))
    for deployment in others[:room]:
        if not _is_kept(deployment):
            origin.write_own(locked, deployment, {PINNED: "true", KEPT: "true"})
    for deployment in filter(_is_kept, others[room:]):
        unpin(locked, deployment)
    failpoint("retention::kept")


def _is_kept(deployment: OSTree.Deployment) -> bool:
    return bool(deployment.is_pinned()) and KEPT in origin.own(deployment)


def _stays_anyway(locked: OSTree.Sysroot, deployment: OSTree.Deployment) -> bool:
    booted = sysroot.find_booted(locked)
    merge = locked.get_merge_deployment(deployment.get_osname())
    return any(other is not None and deployment.equal(other) for other in (booted, merge))
