# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounts and namespaces of this process; with `privileges`, the only module that imports ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

from ostree_layer import mountinfo
from ostree_layer.errors import MountError

Mount = Callable[[Path], None]

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x0002_0000, 0x0200_0000, 0x0400_0000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x0800_0000, 0x2000_0000, 0x4000_0000
MNT_DETACH = 2
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC = 32, 4096, 16384
MS_PRIVATE, MS_SLAVE = 1 << 18, 1 << 19

# How the kernel writes blanks in its list of mounts.

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.pivot_root.argtypes = (ctypes.c_char_p, ctypes.c_char_p)


def _failed(what: str) -> MountError:
    number = ctypes.get_errno()
    error = MountError(f"{what}: {os.strerror(number)}")
    error.__cause__ = OSError(number, os.strerror(number))
    return error


def _mount(source: str, target: Path, kind: str, flags: int = 0, options: str = "") -> None:
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(options))
    if _libc.mount(*arguments) < 0:
        raise _failed(f"mounting {kind or source} on {target}")


def enter_private_namespace() -> None:
    """Give this process a mount namespace: the host's later mounts are seen in it, its own are seen by nobody."""
    if _libc.unshare(CLONE_NEWNS) < 0:
        raise _failed("making a private mount namespace")
    _mount("none", Path("/"), "", MS_REC | MS_SLAVE)


def isolate(*, network: bool) -> None:
    """Give this process namespaces of its own of everything but processes and users; `network` leaves it the host's."""
    flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC
    if _libc.unshare(flags if network else flags | CLONE_NEWNET) < 0:
        raise _failed("making private namespaces")
    _mount("none", Path("/"), "", MS_REC | MS_PRIVATE)


@contextlib.contextmanager
def children_in_a_pid_namespace() -> Iterator[None]:
    """The first child forked in the body is process 1 of a new pid namespace: when it ends, all in there have ended."""
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        if _libc.unshare(CLONE_NEWPID) < 0:
            raise _failed("making a private pid namespace")
        yield
        if _libc.setns(own, CLONE_NEWPID) < 0:
            raise _failed("leaving a private pid namespace")
    finally:
        os.close(own)


def change_root(new: Path) -> None:
    """Make the mount at `new` the root of this mount namespace; what was there before cannot be reached any more."""
    folder = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _leave_chroot(new)
        os.fchdir(folder)
    finally:
        os.close(folder)
    # The old root ends up on top of the new one, where it can be taken off without a directory for it.
    if _libc.pivot_root(b".", b".") < 0:
        raise _failed(f"making {new} the root")
    unmount(Path("."))
    os.chdir("/")


def _leave_chroot(elsewhere: Path) -> None:
    """Where this process is in a chroot, go to the root of the mount namespace: others could get there, too."""
    os.chdir("/")
    os.chroot(elsewhere)  # from now on the working directory is outside the root, and nothing stops it
    while not os.path.samestat(os.stat("."), os.stat("..")):
        os.chdir("..")
    os.chroot(".")


def overlay(lower: Path, upper: Path, work: Path, target: Path) -> None:
    """Mount upper over lower at target."""
    # An upper becomes a commit: it must carry whole files and plain directories, never references into its lower.
    options = f"lowerdir={lower},upperdir={upper},workdir={work},index=off,metacopy=off,redirect_dir=off,xino=off"
    try:
        # volatile: the commit syncs what it takes from the upper, so syncing the overlay would be done twice.
        _mount("overlay", target, "overlay", MS_NODEV, options + ",volatile")
    except MountError as e:
        if not (isinstance(e.__cause__, OSError) and e.__cause__.errno == errno.EINVAL):
            raise
        _mount("overlay", target, "overlay", MS_NODEV, options)


def overlay_read_only(layers: list[Path], target: Path) -> None:
    """Show layers, the first on top, at target."""
    _mount("overlay", target, "overlay", MS_RDONLY, "lowerdir=" + ":".join(map(os.fspath, layers)))


def bind(source: Path, target: Path, *, read_only: bool = False, recursive: bool = True) -> None:
    """Show source at target too, with or without what is mounted below it."""
    _mount(os.fspath(source), target, "", MS_BIND | (MS_REC if recursive else 0))
    if read_only:
        make_read_only(target)


def make_read_only(target: Path) -> None:
    """Let nobody write through the mount at target; what is mounted below it is left as it is."""
    _mount("none", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY)


def make_writable(target: Path) -> None:
    """Take the read-only flag off the mount at target, in this namespace; the file system itself is left as it is."""
    flags = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _mount("none", target, "", MS_REMOUNT | MS_BIND | flags)


def tmpfs(target: Path, *, mode: int = 0o755) -> None:
    _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode:o}")


def proc(target: Path, *, read_only: bool = True) -> None:
    """The processes of this pid namespace; with one that is not read-only, root changes settings of the machine."""
    _mount("proc", target, "proc", (MS_RDONLY if read_only else 0) | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def system(target: Path) -> None:
    """The kernel's devices, read-only, with a directory for cgroups."""
    _mount("sysfs", target, "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def cgroups(target: Path) -> None:
    """The cgroups of this cgroup namespace."""
    _mount("cgroup2", target, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def terminals(target: Path) -> None:
    """A directory for terminals of their own; group 5 is tty wherever there is one."""
    target.mkdir()
    _mount("devpts", target, "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5")


def devices(target: Path) -> None:
    """A tmpfs at target with the few devices that a scriptlet may expect."""
    _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755")
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(target / name, 0o020666, os.makedev(1, minor))
        os.chmod(target / name, 0o666)
    for name, to in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (target / name).symlink_to(f"/proc/self/{to}")
    (target / "shm").mkdir()
    (target / "shm").chmod(0o1777)


def unmount(target: Path) -> None:
    """Take away what is mounted at target, at once for everybody but its present users."""
    if _libc.umount2(os.fsencode(target), MNT_DETACH) < 0:
        raise _failed(f"unmounting {target}")


def below(folder: Path) -> list[Path]:
    """Where file systems are mounted below a folder, those above others first."""
    return sorted({mount.point for mount in mountinfo.read() if folder in mount.point.parents})


def sync(path: Path) -> None:
    """Write to the disk all that the file system of the directory path has not written yet."""
    directory = os.open(path, os.O_RDONLY)
    try:
        if _libc.syncfs(directory) < 0:
            raise _failed(f"writing what belongs to {path} to the disk")
    finally:
        os.close(directory)
