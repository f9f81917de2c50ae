# SPDX-License-Identifier: GPL-2.0-or-later
"""Choose which deployment boots next."""

from __future__ import annotations

from ostree_layer import deploy, mounts, repo, signals, sysroot
from ostree_layer.errors import DeployError, HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Deployed, RolledBack, Target
from ostree_layer.ostree_gi import OSTree, translated


def roll_back(target: Target) -> RolledBack:
    """Make the deployment before the next one the one that boots next.

    On a booted host that has another deployment waiting this is the booted one, and a staged one is dropped.
    """
    mounts.enter_private_namespace()
    with sysroot.locked(target) as locked:
        stateroot = sysroot.require_stateroot(locked, target.stateroot)
        goal = _goal(locked, stateroot)
        booted, staged = sysroot.find_booted(locked), locked.get_staged_deployment()
        rest = [d for d in locked.get_deployments() if not d.is_staged() and not d.equal(goal)]
        failpoint("switching::chosen")
        with signals.held_off(), translated("writing the deployments", DeployError, hint="the host is as it was"):
            options = OSTree.SysrootWriteDeploymentsOpts()
            options.do_postclean = False
            locked.write_deployments_with_options([goal, *rest], options, None)
        version = repo.version(repo.load_commit(sysroot.repository(locked), goal.get_csum()))
        deployed = Deployed(goal.get_csum(), version, False, target.sysroot, stateroot)
        is_booted = booted is not None and goal.equal(booted)
        result = RolledBack(deployed, is_booted, staged.get_csum() if staged is not None else "")
    deploy.clean_up_later(target)
    return result


def _goal(locked: OSTree.Sysroot, stateroot: str) -> OSTree.Deployment:
    deployments = sysroot.deployments_of(locked, stateroot)
    booted = sysroot.find_booted(locked)
    if booted is not None and booted.get_osname() == stateroot and not deployments[0].equal(booted):
        return booted
    if len(deployments) < 2:
        raise HostError(f"{stateroot} has one deployment only, so there is nothing to roll back to")
    return deployments[1]
