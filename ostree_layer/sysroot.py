# SPDX-License-Identifier: GPL-2.0-or-later
"""libostree's sysroot: opened, locked while it is changed, and its deployments found."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ostree_layer import host, mounts, signals
from ostree_layer.errors import BusyError, DeployError, HostError, MountError
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree, gfile, translated

BUSY = "another process is changing the deployments of this host"


def open_sysroot(target: Target) -> OSTree.Sysroot:
    """Load the deployments of target, to look at them."""
    return _load(OSTree.Sysroot.new(gfile(target.sysroot)))


def open_in_private_namespace(target: Target) -> OSTree.Sysroot:
    """Load the deployments of target as they are seen in the mount namespace that this process is in."""
    return _load(_initialize(target))


def _initialize(target: Target) -> OSTree.Sysroot:
    if target.is_booted_host:
        _make_writable()
    sysroot = OSTree.Sysroot.new(gfile(target.sysroot))
    sysroot.set_mount_namespace_in_use()
    with translated(f"opening {target.sysroot}", HostError):
        sysroot.initialize()
    return sysroot


def _make_writable() -> None:
    """Make a read-only /sysroot and /boot writable in this namespace.

    libostree would remount the whole file system, which fails while somebody, itself or a snapshot, has it frozen.
    """
    for path in (Path("/sysroot"), Path("/boot")):
        if path.exists() and os.statvfs(path).f_flag & os.ST_RDONLY:
            # Where this cannot be done, as on a file system that is read-only itself, libostree tries and tells.
            with contextlib.suppress(MountError):
                mounts.make_writable(path)


def _load(sysroot: OSTree.Sysroot) -> OSTree.Sysroot:
    host.require_no_trial()
    with translated(f"reading the deployments of {sysroot.get_path().get_path()}", HostError):
        sysroot.load(None)
    return sysroot


@contextlib.contextmanager
def locked(target: Target, *, as_cleaner: bool = False) -> Iterator[OSTree.Sysroot]:
    """Hold the sysroot lock for the body; a cleaner waits for it, anybody else is told at once.

    The deployments are read once, and with the lock: libostree would notice what has changed since by a time stamp,
    which is the same for all that happens within one tick of the clock.
    """
    sysroot = _initialize(target)
    with contextlib.ExitStack() as stack, translated(f"locking {target.sysroot}", HostError):
        if as_cleaner:
            sysroot.lock()
            stack.enter_context(_marked_as_cleaner(sysroot))
        elif not sysroot.try_lock()[1]:
            _wait_for_cleaner(sysroot)
        resources = stack.pop_all()
    with resources:
        try:
            yield _load(sysroot)
        finally:
            sysroot.unlock()


@contextlib.contextmanager
def changing(target: Target) -> Iterator[OSTree.Sysroot]:
    """Hold the sysroot lock for the body of a command that changes deployments: in a mount namespace of its own, and so
    that a signal releases what was acquired."""
    mounts.enter_private_namespace()
    signals.end_by_exit()
    with locked(target) as held:
        yield held


def _wait_for_cleaner(sysroot: OSTree.Sysroot) -> None:
    """The clean-up that a former run left behind is soon over; for anybody else nobody knows, so that is an error."""
    for _attempt in range(25):
        with contextlib.suppress(FileNotFoundError), cleaner_mark(sysroot).open("rb") as mark:
            fcntl.flock(mark, fcntl.LOCK_SH)
        if sysroot.try_lock()[1]:
            return
        time.sleep(0.02)  # the cleaner sets its mark a moment after it has the lock
    raise BusyError(BUSY, hint="try again when it is done")


@contextlib.contextmanager
def _marked_as_cleaner(sysroot: OSTree.Sysroot) -> Iterator[None]:
    """Let others know, for the body, that the sysroot is locked for cleaning up."""
    path = cleaner_mark(sysroot)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield


def cleaner_mark(sysroot: OSTree.Sysroot) -> Path:
    return work_folder(sysroot) / "cleaner.lock"


def work_folder(sysroot: OSTree.Sysroot) -> Path:
    """Where this product keeps its files: on the repository's file system, out of the reach of its clean-up."""
    return sysroot_path(sysroot) / "ostree/repo/extensions/ostree-layer"


def sysroot_path(sysroot: OSTree.Sysroot) -> Path:
    path = Path(sysroot.get_path().get_path())
    return path / "sysroot" if os.fspath(path) == "/" and host.BOOTED_MARK.exists() else path


def objects_path(sysroot: OSTree.Sysroot) -> Path:
    return sysroot_path(sysroot) / "ostree/repo/objects"


def repository(sysroot: OSTree.Sysroot) -> OSTree.Repo:
    with translated("opening the repository", HostError):
        return sysroot.get_repo(None)[1]


def deployment_path(sysroot: OSTree.Sysroot, deployment: OSTree.Deployment) -> Path:
    """The deployment's directory, never through `/`: that one has a read-only /usr on it."""
    return sysroot_path(sysroot) / str(sysroot.get_deployment_dirpath(deployment))


def stateroots(sysroot: OSTree.Sysroot) -> list[str]:
    """All stateroots, those without a deployment too."""
    folder = sysroot_path(sysroot) / "ostree/deploy"
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def require_existing(sysroot: OSTree.Sysroot, stateroot: str) -> None:
    if stateroot not in stateroots(sysroot):
        raise HostError(
            f"there is no stateroot {stateroot}",
            hint="'dnf stateroot list' names them, 'dnf stateroot create' makes one",
        )


def stateroot_path(sysroot: OSTree.Sysroot, stateroot: str) -> Path:
    return sysroot_path(sysroot) / "ostree/deploy" / stateroot


def deploy_folder(sysroot: OSTree.Sysroot, stateroot: str) -> Path:
    """Where the deployments of stateroot are."""
    return stateroot_path(sysroot, stateroot) / "deploy"


def var_path(sysroot: OSTree.Sysroot, stateroot: str) -> Path:
    """The /var that all deployments of stateroot share."""
    return stateroot_path(sysroot, stateroot) / "var"


def newest_tree(target: Target) -> tuple[Path, Path]:
    """The directory of the deployment that the next change would start from, and its /var."""
    opened = open_sysroot(target)
    stateroot = require_stateroot(opened, target.stateroot)
    return deployment_path(opened, base_deployment(opened, stateroot)), var_path(opened, stateroot)


def find_booted(sysroot: OSTree.Sysroot) -> OSTree.Deployment | None:
    return sysroot.get_booted_deployment()


def deployments_of(sysroot: OSTree.Sysroot, stateroot: str) -> list[OSTree.Deployment]:
    """The deployments of stateroot in boot order, a staged one first."""
    return [d for d in sysroot.get_deployments() if d.get_osname() == stateroot]


def finalized(sysroot: OSTree.Sysroot, stateroot: str) -> list[OSTree.Deployment]:
    """The deployments of stateroot that have a boot loader entry: all but a staged one."""
    return [d for d in deployments_of(sysroot, stateroot) if not d.is_staged()]


def require_stateroot(sysroot: OSTree.Sysroot, wanted: str) -> str:
    """The stateroot to act on: the wanted one, the booted one, or the only one."""
    names = sorted({d.get_osname() for d in sysroot.get_deployments()})
    booted = find_booted(sysroot)
    if not names:
        raise HostError(f"{sysroot_path(sysroot)} has no deployment", hint="ostree admin deploy makes one")
    if wanted and wanted not in names:
        raise HostError(f"there is no deployment of the stateroot {wanted}", hint=f"known: {', '.join(names)}")
    if wanted:
        return wanted
    if booted is not None:
        return str(booted.get_osname())
    if len(names) > 1:
        raise HostError(f"several stateroots have deployments: {', '.join(names)}", hint="choose one by OSTREE_OS")
    return str(names[0])


def base_deployment(sysroot: OSTree.Sysroot, stateroot: str, *, from_booted: bool = False) -> OSTree.Deployment:
    """The deployment whose tree the next one starts from: the newest, so that changes before a reboot add up."""
    booted = find_booted(sysroot)
    if not from_booted:
        return deployments_of(sysroot, stateroot)[0]
    if booted is None or booted.get_osname() != stateroot:
        raise HostError(f"no deployment of {stateroot} is booted, so --from-booted names nothing")
    return booted


def require_nothing_staged(sysroot: OSTree.Sysroot, *, from_booted: bool) -> None:
    """HostError where a staged deployment would be lost."""
    staged = sysroot.get_staged_deployment()
    if staged is not None and not from_booted:
        hint = "reboot to start it, drop it by 'dnf rollback', or replace it by --from-booted"
        raise HostError(f"staged deployment {staged.get_csum()[:12]} waits for the reboot", hint=hint)


def current(sysroot: OSTree.Sysroot, wanted: str) -> str:
    """The commit of the booted deployment, or else of the one of the stateroot that boots next."""
    stateroot = require_stateroot(sysroot, wanted)
    return str((find_booted(sysroot) or base_deployment(sysroot, stateroot)).get_csum())


def write_deployments(locked: OSTree.Sysroot, deployments: Iterable[OSTree.Deployment]) -> None:
    """Let there be these deployments, in this boot order, and no others; a staged one that is not among them is
    dropped. What others leave behind is the clean-up's."""
    options = OSTree.SysrootWriteDeploymentsOpts()
    options.do_postclean = False
    with signals.held_off(), translated("writing the deployments", DeployError, hint="the host is as it was"):
        locked.write_deployments_with_options(list(deployments), options, None)


def remove_undeployed(locked: OSTree.Sysroot) -> None:
    """Remove the directories that no deployment has any more, and let refs keep the commits of those that there are."""
    with translated("removing what is no longer deployed", HostError):
        locked.prepare_cleanup(None)


def prune(locked: OSTree.Sysroot) -> None:
    """Remove what no deployment and no ref needs at once. libostree's own clean-up, the cleaner's, would print."""
    remove_undeployed(locked)
    with translated("removing what no ref needs", HostError):
        repository(locked).prune(OSTree.RepoPruneFlags.REFS_ONLY, 0, None)
