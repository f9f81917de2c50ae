# SPDX-License-Identifier: GPL-2.0-or-later
"""An automatic update: looking for one, keeping how it ended, and the reboot that may follow."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ostree_layer import (
    checkout,
    comparison,
    diff,
    dnf_base,
    finalization,
    host,
    ledger,
    mounts,
    notices,
    repo,
    solver,
    sysroot,
    systemctl,
    updates,
    window,
)
from ostree_layer.errors import BusyError, CommandError
from ostree_layer.model import Destination, PackageDiff, Settings, Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.updates import Available, Run

REBOOT = ("reboot", "--check-inhibitors=yes")


def look(target: Target, choose: Callable[[OSTree.Sysroot, OSTree.Deployment], Destination | None]) -> Available | None:
    """The newer tree that is chosen, by its commit alone."""
    with sysroot.changing(target) as locked:
        start = sysroot.base_deployment(locked, sysroot.require_stateroot(locked, target.stateroot))
        found = choose(locked, start)
        return _tree(sysroot.repository(locked), start.get_csum(), found) if found else None


def _tree(store: OSTree.Repo, start: str, found: Destination) -> Available:
    base, commit = ledger.read_base(store, start), repo.load_commit(store, found.checksum)
    former = base if repo.has_commit(store, base) else start
    before, now = checkout.packages(store, former), checkout.packages(store, found.checksum)
    advisories = comparison.compare(store, former, found.checksum, PackageDiff()).advisories
    return Available(
        since=start,
        refspec=found.refspec,
        checksum=found.checksum,
        version=repo.version(commit),
        timestamp=repo.timestamp(commit),
        changes=diff.as_json(PackageDiff() if before is None or now is None else diff.compare(before, now)),
        advisories=updates.by_severity(advisories),
    )


def packages(base: Any, start: str) -> Available | None:
    """What DNF's transaction, resolved and not run, would bring to the deployment of the commit `start`."""
    if not solver.has_work(base):
        return None
    step = dnf_base.step_of(base)
    found = updates.by_severity(notices.of(base.transaction.install_set if base.transaction else ()))
    return Available(since=start, changes=diff.as_json(diff.compare(step.removed, step.installed)), advisories=found)


def end(target: Target, settings: Settings, run: Run) -> Iterator[str]:
    """Keep how a run ended; by the policy to apply, reboot if there is something to start, and say what comes of it.

    Nobody reboots while another process changes the deployments.
    """
    mounts.enter_private_namespace()
    work = sysroot.work_folder(sysroot.open_in_private_namespace(target))
    former = updates.read(work)
    run = dataclasses.replace(run, deployed=run.deployed or (former.deployed if former else ""))
    updates.write(work, run)
    if run.policy == updates.APPLY and not run.failed:
        with contextlib.suppress(BusyError), sysroot.locked(target) as loaded:
            if waits := _waiting(loaded, run.deployed):
                yield f"Deployment {waits} {_reboot(target, settings)}."


def _waiting(loaded: OSTree.Sysroot, deployed: str) -> str:
    """The deployment of ours that a reboot would start; empty where none waits."""
    first, store = loaded.get_deployments()[0], sysroot.repository(loaded)
    booted, checksum = sysroot.find_booted(loaded), str(first.get_csum())
    if (booted is not None and first.equal(booted)) or not (checksum == deployed or ledger.is_local(store, checksum)):
        return ""
    version = repo.version(repo.load_commit(store, checksum))
    return checksum[:12] + (f" ({version})" if version else "")


def _reboot(target: Target, settings: Settings) -> str:
    """Reboot if nothing speaks against it; say of the deployment that waits what comes of that."""
    if not window.parse(settings.automatic_window).contains(datetime.datetime.now()):
        return f"waits for a reboot in the window {settings.automatic_window}"
    if not target.is_booted_host:
        return f"would be started by a reboot; it is in {target.sysroot}"
    if not host.is_booted_with_systemd():
        return "waits for a reboot: no systemd is running that could be asked for it"
    if reason := finalization.failure(Path(target.sysroot), is_booted=True):
        return f"waits for a reboot by somebody who has seen to this: {reason}"
    try:
        systemctl.call(*REBOOT)
    except CommandError as e:
        return f"waits for another run, since systemd does not reboot now: {' '.join(e.stderr.split())}"
    return "is started by the reboot that begins now"
