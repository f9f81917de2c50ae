# SPDX-License-Identifier: GPL-2.0-or-later
"""The /usr that runs, where `ostree admin unlock` has made it writable."""

from __future__ import annotations

from pathlib import Path

from ostree_layer import live_state, mountinfo, sysroot
from ostree_layer.errors import HostError
from ostree_layer.ostree_gi import OSTree

USR = Path("/usr")


def find_upper(locked: OSTree.Sysroot, booted: OSTree.Deployment) -> Path | None:
    """The upper directory of the overlay that /usr is now; None where /usr is the deployment's own.

    HostError where libostree calls the deployment unlocked and what is on /usr is something else.
    """
    shown = mountinfo.on(USR, mountinfo.read())
    is_live = shown is not None and shown.source.startswith(live_state.SOURCE)
    is_overlay = shown is not None and shown.kind == "overlay" and not is_live
    named = [option.partition("=")[2] for option in shown.options if option.startswith("upperdir=")] if shown else []
    if is_overlay and named:
        # Of a hotfix it is in the deployment, and named from there.
        return sysroot.deployment_path(locked, booted) / named[0]
    state = booted.get_unlocked()
    if state != OSTree.DeploymentUnlockedState.NONE or is_overlay:
        message = "/usr is not the writable overlay of 'ostree admin unlock' as this process sees it"
        hint = "'findmnt /usr' shows what is mounted there; 'systemd-sysext unmerge' takes extensions away"
        raise HostError(message, hint=hint)
    return None
