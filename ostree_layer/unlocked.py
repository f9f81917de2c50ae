# SPDX-License-Identifier: GPL-2.0-or-later
"""The /usr that runs, where `ostree admin unlock` has made it writable."""

from __future__ import annotations

import re
from pathlib import Path

from ostree_layer import sysroot
from ostree_layer.errors import HostError
from ostree_layer.ostree_gi import OSTree

MOUNTS = Path("/proc/self/mountinfo")
USR = Path("/usr")


def find_upper(locked: OSTree.Sysroot, booted: OSTree.Deployment) -> Path | None:
    """The upper directory of the overlay that /usr is now; None where /usr is the deployment's own.

    HostError where libostree calls the deployment unlocked and what is on /usr is something else.
    """
    kind, options = mounted(MOUNTS.read_text())
    named = [option.partition("=")[2] for option in options if option.startswith("upperdir=")]
    if kind == "overlay" and named:
        # Of a hotfix it is in the deployment, and named from there.
        return sysroot.deployment_path(locked, booted) / named[0]
    state = booted.get_unlocked()
    if state != OSTree.DeploymentUnlockedState.NONE or kind == "overlay":
        message = "/usr is not the writable overlay of 'ostree admin unlock' as this process sees it"
        hint = "'findmnt /usr' shows what is mounted there; 'systemd-sysext unmerge' takes extensions away"
        raise HostError(message, hint=hint)
    return None


def mounted(mountinfo: str) -> tuple[str, list[str]]:
    """The file system that is on /usr, on top of others, and its options; empty where there is none."""
    found: tuple[str, list[str]] = ("", [])
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split(" ")[4] == "/usr":
            kind, _device, options = source.split(" ", 2)
            found = kind, [_plain(option) for option in options.split(",")]
    return found


def _plain(text: str) -> str:
    """An option as it is meant: mountinfo has numbers for some letters, and overlayfs a backslash before them."""
    text = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
    return re.sub(r"\\(.)", r"\1", text)
