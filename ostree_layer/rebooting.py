# SPDX-License-Identifier: GPL-2.0-or-later
"""The reboot that a user wants after a change, and what it needs of the host."""

from __future__ import annotations

from collections.abc import Iterator

from ostree_layer import host, mounts, sysroot, systemctl
from ostree_layer.errors import CommandError, HostError
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree, translated

HARD, SOFT = "--reboot", "--soft-reboot"
VERBS = {HARD: "reboot", SOFT: "soft-reboot"}
# What systemd has where it knows a soft reboot, and libostree.
UNIT, CALL = "soft-reboot.target", "deployment_set_soft_reboot"


def require_possible(target: Target | None, option: str) -> None:
    """HostError where this host cannot be rebooted as the option says: to be asked before anything is changed."""
    if target is None or not target.is_booted_host:
        where = f"; this run is about {target.sysroot}" if target else ""
        raise HostError(f"{option} needs the booted OSTree host{where}")
    if not host.is_booted_with_systemd():
        raise HostError(f"{option} needs systemd, and it is not what runs here", hint=f"reboot without {option}")
    lacking = list(_lacking()) if option == SOFT else []
    if lacking:
        raise HostError(f"{option} is not possible here: {' and '.join(lacking)}", hint=f"{HARD} works")


def _lacking() -> Iterator[str]:
    """What this host has not got that a soft reboot into another deployment needs."""
    try:
        systemctl.call("cat", UNIT)
    except CommandError:
        yield f"its systemd has no {UNIT} (254 is the first that has)"
    if not hasattr(OSTree.Sysroot, CALL):
        yield f"its libostree has no {CALL} (2025.3 is the first that has)"


def begin(target: Target, option: str) -> None:
    """Reboot into the deployment that boots next; HostError says why not, and what has been made is still there.

    Nobody reboots while another process changes the deployments.
    """
    mounts.enter_private_namespace()
    with sysroot.locked(target) as locked:
        if option == SOFT:
            _prepare(locked, locked.get_deployments()[0])
        try:
            systemctl.call(VERBS[option])
        except CommandError as e:
            reason = " ".join(e.stderr.split())
            raise HostError(f"systemd does not reboot now: {reason}", hint="what was made waits for a reboot") from e


def _prepare(locked: OSTree.Sysroot, goal: OSTree.Deployment) -> None:
    """Let libostree show systemd the root to go to; it can be one with the running kernel only."""
    name = goal.get_csum()[:12]
    if not locked.deployment_can_soft_reboot(goal):
        hint = "it is there and boots next; 'systemctl reboot' starts it"
        raise HostError(f"deployment {name} cannot be started by a soft reboot: it has another kernel", hint=hint)
    with translated(f"preparing the soft reboot into deployment {name}", HostError):
        locked.deployment_set_soft_reboot(goal, False, None)
