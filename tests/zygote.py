# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of dnf without what comes before them: a process that has imported what dnf imports, and forks for each.

Most of a run of dnf in a toy host is imports, and the tests make thousands of runs. What runs is the same: the child
has the file /usr/bin/dnf as its main program, DNF loads the plugins from disk, and Python ends as it always does.
Between the fork and that, it becomes what a process of its own would be, and test_zygote compares both: arguments,
paths, variables, streams, descriptors, signals, mounts, rpm's macros, GLib's folders.

What Python and its modules read once (`READ_ONCE`) must be as it was when the zygote started: any other run is a
process of its own, and so is whatever begins with another program than dnf. The zygote is never sealed itself, does no
work, has one thread, and ends with the process that started it, however that ends.

It cannot show that a module imports all that it uses (mypy does, and every run in the lab, of a unit, or behind another
program), nor sets in another order than in the run before (the tests of reproducibility start processes).
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DNF = "/usr/bin/dnf"
# What the names of variables begin with that are read before dnf's first line, or once in a process.
READ_ONCE = ("PYTHON", "LANG", "LC_", "LOC", "TZ", "LD_", "G_", "GI_", "GIO_", "OPENSSL_", "MALLOC_")
NUMBER = struct.Struct("!i")
LARGEST = 1 << 16
CLONE_NEWNS, PR_SET_PDEATHSIG = 0x0002_0000, 1
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18


class Zygote:
    """The side of the tests."""

    def __init__(self, python: str, environment: Mapping[str, str]) -> None:
        """`environment` is what all runs have in common; nothing is started yet."""
        self._begins, self._environment = [python, DNF], environment

    @functools.cached_property
    def _channel(self) -> socket.socket:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [self._begins[0], __file__, str(there.fileno())]
        pipe = subprocess.PIPE  # as dnf has in a test: Python looks at them when it starts
        with there:
            self.process = subprocess.Popen(
                argv,
                env=self._environment,
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.STDOUT,
                pass_fds=[there.fileno()],
            )
        atexit.register(self.process.wait)
        atexit.register(here.shutdown, socket.SHUT_WR)
        return here

    def can_run(self, argv: Sequence[str], environment: Mapping[str, str]) -> bool:
        # What ends a process with its parent ends it with the thread that started it.
        is_safe = "_channel" in vars(self) or threading.current_thread() is threading.main_thread()
        is_same = _read_once(environment) == _read_once(self._environment)
        return is_safe and is_same and list(argv[:2]) == self._begins and len(str((argv, environment))) < LARGEST

    def run(self, order: Mapping[str, Any], answer: str, *, apart: bool, timeout: float) -> tuple[int, list[bytes]]:
        """Run dnf; return its status, and what it printed: all of it or, if `apart`, stdout and stderr.

        `order` has argv, environment and writable. What takes more than `timeout` seconds is killed.
        """
        here, there = socket.socketpair()
        answers, streams = os.pipe(), [os.pipe() for _number in range(2 if apart else 1)]
        mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY)  # tests can have some of their own
        given = [answers[0], streams[0][1], streams[-1][1], mounts, there.fileno()]
        whole = {**order, "cwd": os.getcwd(), "umask": _umask()}
        socket.send_fds(self._channel, [json.dumps(whole).encode()], given)
        there.close()
        for number in {*given[:-1]}:
            os.close(number)
        with contextlib.ExitStack() as files, here:
            outputs = [files.enter_context(open(stream[0], "rb", buffering=0)).fileno() for stream in streams]
            with contextlib.suppress(BrokenPipeError), open(answers[1], "w") as questions:
                questions.write(answer)
            child, ends = self._number(here), time.monotonic() + timeout
            try:
                printed = _read(outputs, ends)
                here.settimeout(max(0.01, ends - time.monotonic()))
                return os.waitstatus_to_exitcode(self._number(here)), printed
            except BaseException as e:
                os.kill(child, signal.SIGKILL)
                if isinstance(e, TimeoutError):
                    raise subprocess.TimeoutExpired(order["argv"], timeout) from None
                raise

    def _number(self, report: socket.socket) -> int:
        data = report.recv(NUMBER.size)
        assert data, f"the zygote has died: {self.process.communicate()[0]!r}"
        return int(NUMBER.unpack(data)[0])


def _read_once(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_ONCE)}


def _umask() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Umask:"))
    return int(line.split()[1], 8)


def _read(outputs: Sequence[int], ends: float) -> list[bytes]:
    """All that comes out of each of them until it is closed, at the latest when time.monotonic() is `ends`."""
    read = {output: bytearray() for output in outputs}
    poll = select.poll()
    for output in outputs:
        poll.register(output, select.POLLIN)
    is_open = set(outputs)
    while is_open:
        ready = poll.poll(max(0.0, ends - time.monotonic()) * 1000)
        if not ready:
            raise TimeoutError
        for output, _events in ready:
            block = os.read(output, LARGEST)
            read[output] += block
            if not block:
                poll.unregister(output)
                is_open.remove(output)
    return [bytes(read[output]) for output in outputs]


# What follows is the side of the zygote.


def _load() -> None:
    """Import what dnf and its plugins import, if not in each run."""
    importlib.import_module("dnf.cli.main")
    layer = importlib.import_module("ostree_layer")
    for module in pkgutil.walk_packages(layer.__path__, "ostree_layer."):
        importlib.import_module(module.name)


def _serve(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork for each order, and report; return in the child alone, with its order and its descriptors."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    children: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _events in poll.poll():
            if ready in children:
                child, report = children.pop(ready)
                _tell(report, os.waitpid(child, 0)[1])
                poll.unregister(ready)
                os.close(ready)
                os.close(report)
                continue
            order, given, _flags, _address = socket.recv_fds(channel, 2 * LARGEST, 5)
            if not order:
                os._exit(0)
            assert len(os.listdir("/proc/self/task")) == 1, "a thread does not come along"
            child = os.fork()
            if child == 0:
                channel.detach()
                return json.loads(order), given
            _tell(given[-1], child)
            ends = os.pidfd_open(child)
            children[ends] = (child, given.pop())
            poll.register(ends, select.POLLIN)
            for number in given:
                os.close(number)


def _tell(report: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked may have given up
        os.write(report, NUMBER.pack(number))


def _become(order: Mapping[str, Any], given: Sequence[int]) -> None:
    """Be what a sealed process of its own would be before the first line of dnf."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(given[3], CLONE_NEWNS) < 0:
        raise OSError(ctypes.get_errno(), "the guard cannot see what the test sees")
    for target, number in enumerate(given[:3]):
        os.dup2(number, target)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["cwd"])
    os.umask(order["umask"])
    _seal(libc, order["writable"])
    os.environ.clear()
    os.environ.update(order["environment"], PWD=order["cwd"])  # as the shell of the seal does
    importlib.import_module("rpm").reloadConfig()
    importlib.invalidate_caches()
    sys.argv, sys.path[0] = order["argv"][1:], os.path.dirname(DNF)


def _seal(libc: ctypes.CDLL, writable: str) -> None:
    """As guard.SEAL does."""
    mounts = [
        ("none", "/", None, MS_REC | MS_PRIVATE),
        (writable, writable, None, MS_BIND),
        ("none", "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY),
        ("tmpfs", "/tmp", b"tmpfs", 0),
        ("tmpfs", "/var/tmp", b"tmpfs", 0),
    ]
    failed = libc.unshare(CLONE_NEWNS)
    for source, target, kind, flags in mounts:
        failed = failed or libc.mount(os.fsencode(source), os.fsencode(target), kind, ctypes.c_ulong(flags), None)
    if failed:
        raise OSError(ctypes.get_errno(), "the guard cannot seal")


def _run() -> None:
    main = types.ModuleType("__main__")
    main.__file__ = DNF
    sys.modules["__main__"] = main
    exec(compile(Path(DNF).read_bytes(), DNF, "exec"), vars(main))


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load()
    gc.freeze()
    _become(*_serve(socket.socket(fileno=int(sys.argv[1]))))
    _run()
