# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree at work beside the host, as in a container: the tree's own systemd is process 1 of namespaces and a cgroup of
its own, and what it writes is thrown away. A tree without systemd is entered as it lies there."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pickle
import secrets
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ostree_layer import mounts, privileges, process, staging
from ostree_layer.errors import CommandError, MachineError, OstreeLayerError
from ostree_layer.failpoint import failpoint
from ostree_layer.staged_root import StagedRoot

SYSTEMD = "usr/lib/systemd/systemd"
# What its processes are told; `container` tells systemd where it is.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": "/root"}
CONTAINER = "ostree-layer"
# Where it finds a folder of the host.
SHOWN = "run/bisect"
# What the cgroups of this product are called.
CGROUP = "ostree-layer-softboot"
# Seconds until all has started, and how often one looks.
PATIENCE, TICK = 300, 0.02
# In systemd's words.
UP = ("running", "degraded")
# What is the machine's own, whoever mounts /proc.
OF_THE_KERNEL = ("sys", "sysrq-trigger", "irq", "bus")


@dataclasses.dataclass(frozen=True)
class Guest:
    """A tree that runs, by its process 1."""

    process: int

    def run(self, argv: Sequence[str]) -> int:
        """Run argv in it, in the folder of the host that it is shown; return its exit status as a shell has it.

        What it prints goes where our own output goes.
        """
        drop = functools.partial(privileges.drop, privileges.BOOTED)
        failpoint("softboot::running")
        status = process.inside(self.process, argv, SHOWN, ENVIRONMENT, drop)
        if has_ended(self.process):
            raise MachineError("what was booted has ended too early")
        return status


@contextlib.contextmanager
def running(lower: Path, work: Path, shown: Path) -> Iterator[Guest]:
    """Boot the tree in the directory `lower` for the body; `work` is on the same file system, and is left as it was.

    `shown` is a folder of the host that can be read there. The caller is in a mount namespace of its own. MachineError
    where the tree does not boot.
    """
    with staging.staged_root(work, lower) as staged, _cgroup() as cgroup:
        staging.populate_var(staged)
        console = staged.folder / "console"
        child = _start(staged, cgroup, shown, console)
        try:
            if (lower / SYSTEMD).exists():
                _wait_until_up(child, console)
            yield Guest(child)
        finally:
            # Nothing of it is to be kept, so nothing has to come to an end in good order.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _start(staged: StagedRoot, cgroup: Path, shown: Path, console: Path) -> int:
    """Start process 1, and return its number here; what it fails in is raised here, too."""
    heard, said = os.pipe()
    here, there = os.pipe()
    with mounts.children_in_a_pid_namespace():
        child = os.fork()
        if child == 0:
            _be_first(staged, shown, console, (here, said))
    os.close(said)
    os.close(here)
    (cgroup / "cgroup.procs").write_text(str(child))
    os.write(there, b"go")
    os.close(there)
    with open(heard, "rb") as file:
        failure = file.read()
    if failure:
        os.waitpid(child, 0)
        error: Exception = pickle.loads(failure)
        raise error
    return child


def _be_first(staged: StagedRoot, shown: Path, console: Path, pipes: tuple[int, int]) -> None:
    """Be process 1: never return to what the parent was doing when it forked."""
    begin, said = pipes
    try:
        try:
            privileges.end_with_parent()
            os.setsid()
            os.read(begin, 2)
            _redirect(console)
            has_systemd = (staged.lower / SYSTEMD).exists()
            _enter(staged, shown)
            privileges.drop(privileges.BOOTED)
            os.umask(0o022)
            if has_systemd:
                os.execve(f"/{SYSTEMD}", [f"/{SYSTEMD}", "--system"], {**ENVIRONMENT, "container": CONTAINER})
        except OstreeLayerError as e:
            os.write(said, pickle.dumps(e))
            return
        except OSError as e:
            os.write(said, pickle.dumps(MachineError(f"it cannot be started: {e.strerror}")))
            return
        _idle()
    finally:
        os._exit(1)


def _redirect(console: Path) -> None:
    nothing, text = os.open(os.devnull, os.O_RDONLY), os.open(console, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(nothing, 0)
    for number in (1, 2):
        os.dup2(text, number)


def _idle() -> None:
    """Be a process 1 that has nothing to start, and nobody to wait for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(3, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
    while True:
        signal.pause()


def _enter(staged: StagedRoot, shown: Path) -> None:
    """Make a root of the tree: a fresh /etc and /var, a read-only /usr, and nothing of the host but `shown`."""
    mounts.isolate(network=False)
    with contextlib.ExitStack() as kept:
        staging.mount_root(staged, kept)
        root = staged.root
        for name in ("etc", "var", "run", "sysroot", "proc", "sys", "dev", "tmp"):
            if not (root / name).is_symlink():
                (root / name).mkdir(exist_ok=True)
        mounts.bind(root / "usr/etc", root / "etc")
        mounts.bind(staged.var, root / "var")
        mounts.bind(root / "usr", root / "usr", read_only=True, recursive=False)
        for place in ("run", "sysroot"):
            mounts.tmpfs(root / place)
        staging.mount_tmp(kept, root)
        (root / SHOWN).mkdir()
        mounts.bind(shown, root / SHOWN, read_only=True, recursive=False)
        show_kernel(root)
        for name in OF_THE_KERNEL:
            if (root / "proc" / name).exists():
                mounts.bind(root / "proc" / name, root / "proc" / name, read_only=True)
        kept.pop_all()  # they end with the namespace
        mounts.change_root(root)


def show_kernel(root: Path) -> None:
    """What a kernel shows: processes, devices, and the cgroups of this namespace alone."""
    mounts.devices(root / "dev")
    mounts.terminals(root / "dev/pts")
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    mounts.proc(root / "proc", read_only=False)
    mounts.system(root / "sys")
    mounts.cgroups(root / "sys/fs/cgroup")


def _wait_until_up(child: int, console: Path) -> None:
    """Wait until all has started that belongs to the default target, or has failed."""
    end = time.monotonic() + PATIENCE
    while not Path(f"/proc/{child}/root/run/systemd/private").exists():
        if has_ended(child) or time.monotonic() > end:
            said = " ".join(console.read_text(errors="replace").split()[-30:])
            raise MachineError("its systemd does not come up" + (f": {said}" if said else ""))
        time.sleep(TICK)
    argv = ["systemctl", "is-system-running", "--wait"]
    try:
        state = process.said_inside(child, argv, ENVIRONMENT, end - time.monotonic()).strip()
    except CommandError as e:
        raise MachineError(f"it is still starting after {PATIENCE} seconds") from e
    if state not in UP:
        raise MachineError(f"it does not come up: its systemd says '{state or 'nothing'}'")


def has_ended(child: int) -> bool:
    """Whether a child has; it keeps its number until somebody waits for it."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@contextlib.contextmanager
def hierarchy() -> Iterator[Path]:
    """All cgroups of the machine, at a place of this process's mount namespace."""
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as folder:
        mounts.cgroups(Path(folder))
        try:
            yield Path(folder)
        finally:
            mounts.unmount(Path(folder))


@contextlib.contextmanager
def _cgroup() -> Iterator[Path]:
    """A cgroup for a tree; what killed runs have left goes with it."""
    with hierarchy() as cgroups:
        cgroup = cgroups / f"{CGROUP}-{os.getpid()}-{secrets.token_hex(4)}"
        cgroup.mkdir()
        try:
            yield cgroup
        finally:
            remove(cgroup)
            sweep(cgroups, CGROUP)


def remove(cgroup: Path) -> None:
    """Remove a cgroup when the last of its processes, which were killed, is gone."""
    while is_populated(cgroup):
        time.sleep(TICK / 2)
    for folder, _below, _files in os.walk(cgroup, topdown=False):
        os.rmdir(folder)


def sweep(cgroups: Path, prefix: str) -> None:
    """Remove cgroups called PREFIX-PROCESS-WORD whose process is gone."""
    for left in cgroups.glob(f"{prefix}-*"):
        # Somebody else may be at it, too.
        with contextlib.suppress(FileNotFoundError):
            if not Path("/proc", left.name.split("-")[-2]).exists() and not is_populated(left):
                remove(left)


def is_populated(cgroup: Path) -> bool:
    return "populated 0" not in (cgroup / "cgroup.events").read_text()
