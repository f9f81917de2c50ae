# SPDX-License-Identifier: GPL-2.0-or-later
"""Where one DNF run works, taken for it: the lock, what to start from, where to go, and a staged root's folders."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ostree_layer import live, mounts, signals, staging, sysroot, trunk
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Destination, Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.place import Place

Choose = Callable[[OSTree.Sysroot, OSTree.Deployment], "Destination | None"]


def stay(_locked: OSTree.Sysroot, _start: OSTree.Deployment) -> None:
    """Where a run goes that goes nowhere else."""


@contextlib.contextmanager
def take(
    target: Target, *, from_booted: bool, choose: Choose = stay, into: str = "", outlasts_lock: bool = False
) -> Iterator[Place]:
    """Lock the sysroot, choose what to start from and where to go, and make the folders of a staged root over it.

    `into` is the stateroot of the new deployment, if it is not that of the start. What is to outlast the lock can be
    used when the place has been released.
    """
    mounts.enter_private_namespace()
    signals.end_by_exit()
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(contextlib.ExitStack())
        locked = lock.enter_context(sysroot.locked(target))
        failpoint("layering::locked")
        stateroot = sysroot.require_stateroot(locked, target.stateroot)
        start = sysroot.base_deployment(locked, stateroot, from_booted=from_booted)
        destination = choose(locked, start)
        work = sysroot.work_folder(locked)
        staging.sweep(work)
        live.sweep(work, sysroot.sysroot_path(locked))
        claims = stack.enter_context(contextlib.ExitStack())
        commit = destination.checksum if destination else start.get_csum()
        lower = stack.enter_context(trunk.of(locked, commit, outlasts_lock=outlasts_lock))
        staged = stack.enter_context(staging.staged_root(work, lower))

        def release() -> None:
            for folder in (staged.folder, *trunk.folders(lower)):
                claims.enter_context(staging.claimed(folder))
            lock.close()

        yield Place(target, locked, into or stateroot, start, destination, staged, release)
