# SPDX-License-Identifier: GPL-2.0-or-later
"""A process in a cage: it sees one root, no process but its own, no network, and may do what laying out files needs."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import stat
import struct
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Callable, NoReturn, TypeVar

from ostree_layer import mounts, privileges, process
from ostree_layer.errors import TransactionFailed

T = TypeVar("T")

# A scriptlet that starts more processes than this at a time does no work.
PROCESSES = 2000
CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/pids"))
CGROUP = "ostree-layer."
# Seconds after which a cgroup without processes is one that a killed run left.
FORGOTTEN = 60
# What a message begins with that says what a caged process died of.
FAILURE = b"failure:"
LENGTH = struct.Struct("!I")
# What packages' scriptlets are told, besides what any child process of ours is.
ENVIRONMENT = {
    **process.ENVIRONMENT,
    "HOME": "/root",
    # systemd's kernel-install and Debian's kernel hooks would do for /boot what `layout.kernel` does for the tree.
    "KERNEL_INSTALL_BYPASS": "1",
    "INITRD": "No",
    # What Python programs keep of modules they import has times in it, and is outdated once OSTree has set them to 0.
    "PYTHONDONTWRITEBYTECODE": "1",
}
PASSED_ON = (process.EPOCH, "TERM")


class Channel:
    """Whole messages, and file descriptors with them, between the two sides of a cage's bars."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, data: bytes, *descriptors: int) -> None:
        # A SIGPIPE would end this process: librpm and Python do not agree on who handles it.
        whole = LENGTH.pack(len(data)) + data
        sent = socket.send_fds(self._end, [whole], descriptors, socket.MSG_NOSIGNAL)
        if sent < len(whole):  # the other side may have gone once it has all
            self._end.sendall(whole[sent:], socket.MSG_NOSIGNAL)

    def receive(self) -> tuple[bytes, list[int]]:
        """Wait for a message; the other side's end is an EOFError."""
        head, descriptors, _flags, _address = socket.recv_fds(self._end, LENGTH.size, 1)
        if len(head) < LENGTH.size:
            raise EOFError
        return self._exactly(LENGTH.unpack(head)[0]), descriptors

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            block = self._end.recv(size - len(data))
            if not block:
                raise EOFError
            data += block
        return bytes(data)


Work = Callable[[Channel], None]


@contextlib.contextmanager
def started(root: Path, work: Work, *, keep: Iterable[int] = (), network: bool = False) -> Iterator[Channel]:
    """Let `work` run in a cage, talking with the body; when the body is left, all of its processes have ended.

    `work` still finds root at its path, may chroot to it, and has the file descriptors of `keep` besides 0, 1 and 2.
    """
    here, there = socket.socketpair()
    (root.parent / "cage").mkdir(exist_ok=True)
    with here, _crowd() as crowd:
        with there, mounts.children_in_a_pid_namespace():
            child = os.fork()
            if child == 0:
                inside = {*keep, there.fileno()}
                be_child(there, lambda channel: _be_caged(root, work, channel, inside, network=network))
        try:
            for cgroup in crowd:
                (cgroup / "cgroup.procs").write_text(str(child))
            channel = Channel(here)
            with contextlib.suppress(BrokenPipeError):  # what ended it is what it sent
                channel.send(b"go")
            yield channel
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def call(root: Path, function: Callable[[], T], *, is_inside: bool = True) -> T:
    """Return what function returns, or raise what it raises, in a cage; if `is_inside`, root is its root directory."""

    def work(channel: Channel) -> None:
        if is_inside:
            os.chroot(root)
            os.chdir("/")
        channel.send(pickle.dumps(function()))

    with started(root, work) as channel:
        result: T = answer(channel)
        return result


def answer(channel: Channel) -> Any:
    """The result that a caged process sends last."""
    try:
        data = channel.receive()[0]
    except EOFError:
        raise TransactionFailed("a caged process was killed before it was done") from None
    raise_failure(data)
    return pickle.loads(data)


def raise_failure(data: bytes) -> None:
    """Raise what was raised in the cage, if that is what data says."""
    if data.startswith(FAILURE):
        error: Exception = pickle.loads(data[len(FAILURE) :])
        raise error


def be_child(end: socket.socket, work: Work) -> NoReturn:
    """Never return to what the parent was doing when it forked: end with the work, and send what it raises."""
    status = 1
    try:
        channel = Channel(end)
        try:
            work(channel)
            status = 0
        except Exception as e:  # noqa: BLE001 - it is raised on the other side
            channel.send(FAILURE + pickle.dumps(e))
    finally:
        os._exit(status)


def _be_caged(root: Path, work: Work, channel: Channel, keep: set[int], *, network: bool) -> None:
    _enter(root, keep, network=network)
    channel.receive()
    work(channel)


def _enter(root: Path, keep: set[int], *, network: bool) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Process 1 gets no signal that it does not ask for; the parent's SIGKILL ends everything.
        signal.signal(number, signal.SIG_DFL)
    privileges.end_with_parent()
    _close_ways_out(root, keep)
    mounts.isolate(network=network)
    _see_only(root)
    privileges.hide_from_siblings()
    privileges.drop()
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    os.environ.clear()
    os.environ.update(ENVIRONMENT, **passed)
    os.umask(0o022)  # and not that of whoever called


def _close_ways_out(root: Path, keep: set[int]) -> None:
    """Close what leads to files of the host, above all open directories, and read nothing from the terminal."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    # rpm has duplicates of its own of what it was given.
    kept = [os.fstat(number) for number in {0, 1, 2, *keep}]
    for number in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            at, status = os.readlink(f"/proc/self/fd/{number}"), os.fstat(number)
            is_of_root = stat.S_ISREG(status.st_mode) and at.startswith(f"{root}/")
            if not is_of_root and not any(os.path.samestat(status, other) for other in kept):
                os.close(number)


def _see_only(root: Path) -> None:
    """Be in a root that has `root` at its path, and this machine's /usr, read-only, for what Python still loads."""
    world = root.parent / "cage"
    mounts.tmpfs(world)
    usr, shown = world / "usr", world / root.relative_to("/")
    usr.mkdir()
    mounts.bind(Path("/usr"), usr, read_only=True, recursive=False)
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink(f"/{name}"):
            (world / name).symlink_to(os.readlink(f"/{name}"))
    shown.mkdir(parents=True)
    mounts.bind(root, shown)
    mounts.proc(shown / "proc")
    for name in ("dev", "proc"):
        (world / name).symlink_to(f"{root}/{name}")
    (world / "tmp").mkdir(exist_ok=True)  # for SQLite
    mounts.make_read_only(world)
    if not root.is_relative_to("/tmp"):
        mounts.tmpfs(world / "tmp")
    mounts.change_root(world)


@contextlib.contextmanager
def _crowd() -> Iterator[list[Path]]:
    """The cgroup in which only so many processes can be; none on a machine without the pids controller."""
    with contextlib.ExitStack() as made:
        yield [folder for parent in CGROUPS for folder in _limited(parent, made)][:1]


def _limited(parent: Path, made: contextlib.ExitStack) -> Iterator[Path]:
    if not (parent / "cgroup.procs").exists():
        return
    for former in parent.glob(f"{CGROUP}*"):
        with contextlib.suppress(OSError):  # of a run that is still going on
            if former.stat().st_mtime < time.time() - FORGOTTEN:
                former.rmdir()
    folder = Path(tempfile.mkdtemp(prefix=CGROUP, dir=parent))
    made.callback(folder.rmdir)
    if (folder / "pids.max").exists():
        (folder / "pids.max").write_text(str(PROCESSES))
        yield folder
