# SPDX-License-Identifier: GPL-2.0-or-later
"""Choose which deployment boots next."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator

from ostree_layer import checkout, choice, deploy, diff, live_state, repo, retention, sysroot, var_data
from ostree_layer.errors import HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Deployed, PackageDiff, RolledBack, Settings, Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.var_data import KeptData, Tree


@dataclasses.dataclass(frozen=True)
class Plan:
    """The deployment that is to boot next, and what that means; it holds as long as the sysroot is locked.

    `changes` and `data` are against what runs now, or, where the goal is what runs or nothing is booted, against what
    would boot next.
    """

    target: Target
    locked: OSTree.Sysroot
    goal: OSTree.Deployment
    title: str
    changes: PackageDiff
    data: tuple[KeptData, ...]

    def carry_out(self, settings: Settings) -> RolledBack:
        """Let the goal boot next; a staged deployment is dropped."""
        locked, goal = self.locked, self.goal
        booted, staged = sysroot.find_booted(locked), locked.get_staged_deployment()
        is_booted = booted is not None and goal.equal(booted)
        version = repo.version(repo.load_commit(sysroot.repository(locked), goal.get_csum()))
        deployed = Deployed(goal.get_csum(), version, False, self.target.sysroot, goal.get_osname())
        rest = [d for d in locked.get_deployments() if not d.is_staged() and not d.equal(goal)]
        failpoint("switching::chosen")
        sysroot.write_deployments(locked, [goal, *rest])
        failpoint("switching::written")
        retention.keep(locked, goal.get_osname(), settings.deployments)
        deploy.clean_up_later(self.target, settings.history)
        is_live = live_state.current(sysroot.work_folder(locked)) is not None
        return RolledBack(deployed, is_booted, staged.get_csum() if staged is not None else "", is_live=is_live)


@contextlib.contextmanager
def rollback(target: Target, name: str | None) -> Iterator[Plan]:
    """For the body, plan to boot the deployment next that `name` means, by index or label.

    Without a name it is the one before the next one; on a booted host that has another deployment waiting this is the
    booted one.
    """
    with sysroot.changing(target) as locked:
        yield _plan(target, locked, _before(locked, target.stateroot) if name is None else _named(locked, target, name))


@contextlib.contextmanager
def to_stateroot(target: Target, name: str) -> Iterator[Plan]:
    """For the body, plan to boot the newest deployment of a stateroot next."""
    with sysroot.changing(target) as locked:
        sysroot.require_existing(locked, name)
        found = sysroot.deployments_of(locked, name)
        if not found:
            hint = f"'dnf rebase --stateroot={name}' and 'dnf system-switch --stateroot={name}' make one"
            raise HostError(f"the stateroot {name} has no deployment", hint=hint)
        yield _plan(target, locked, found[0])


def _before(locked: OSTree.Sysroot, wanted: str) -> OSTree.Deployment:
    stateroot = sysroot.require_stateroot(locked, wanted)
    deployments = sysroot.deployments_of(locked, stateroot)
    booted = sysroot.find_booted(locked)
    if booted is not None and booted.get_osname() == stateroot and not deployments[0].equal(booted):
        return booted
    if len(deployments) < 2:
        raise HostError(f"{stateroot} has one deployment only, so there is nothing to roll back to")
    return deployments[1]


def _named(locked: OSTree.Sysroot, target: Target, name: str) -> OSTree.Deployment:
    goal = choice.find(locked, target.stateroot, name)
    current = sysroot.find_booted(locked) or locked.get_deployments()[0]
    if goal.get_osname() != (target.stateroot or current.get_osname()):
        other = goal.get_osname()
        hint = f"'dnf stateroot switch {other}' goes there, with a /var and /etc of its own"
        raise HostError(f"deployment {choice.title(locked, goal)} is of the stateroot {other}", hint=hint)
    return goal


def _plan(target: Target, locked: OSTree.Sysroot, goal: OSTree.Deployment) -> Plan:
    title, following = choice.title(locked, goal), locked.get_deployments()[0]
    if goal.equal(following):
        raise HostError(f"deployment {title} boots next anyway", hint="'dnf status' shows the boot order")
    booted = sysroot.find_booted(locked)
    former = following if booted is None or booted.equal(goal) else booted
    store = sysroot.repository(locked)
    packages = [
        checkout.packages(store, d.get_csum(), sysroot.deployment_path(locked, d)) or () for d in (former, goal)
    ]
    changes = diff.compare(*packages)
    # What is staged has never run, and another stateroot has a /var of its own.
    shares_data = not former.is_staged() and former.get_osname() == goal.get_osname()
    data = _data(locked, changes, (former, goal)) if shares_data else ()
    return Plan(target, locked, goal, title, changes, data)


def _data(
    locked: OSTree.Sysroot, changes: PackageDiff, deployments: Iterable[OSTree.Deployment]
) -> tuple[KeptData, ...]:
    found = list(deployments)
    places = [Tree(d.get_csum(), sysroot.deployment_path(locked, d)) for d in found]
    var = sysroot.var_path(locked, found[0].get_osname())
    return var_data.kept(sysroot.repository(locked), var, changes, places)
