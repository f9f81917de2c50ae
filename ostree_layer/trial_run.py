# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in a root of its own, and in namespaces that end with it: on the caller's terminal, as the caller."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable, NoReturn

from ostree_layer import cage, caller, mounts, privileges, signals
from ostree_layer.cage import Channel
from ostree_layer.caller import Caller
from ostree_layer.errors import HostError

# What a shell says of a program that a signal has ended, the signal's number added.
SIGNALLED = 128


def run(make_root: Callable[[], Path], argv: Sequence[str], who: Caller, stdout: int) -> int:
    """Run argv, or a shell, to its end, and return its exit status; all that it has started has ended then.

    `make_root` makes its root directory in a mount namespace that nobody else sees. IPC remains the host's: graphical
    programs share memory with the display's server.
    """
    here, there = socket.socketpair()
    with here, signals.left_to_child(), _terminal_kept():
        with there, mounts.children_in_a_pid_namespace():
            child = os.fork()
            if child == 0:
                cage.be_child(there, lambda channel: _be_first(channel, make_root, argv, who, stdout))
        try:
            channel = Channel(here)
            channel.send(b"go")
            return int(cage.answer(channel))
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """A shell takes the terminal for itself, and cannot give it back to what it does not see."""
    foreground = [number for number in range(3) if os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp()]
    try:
        yield
    finally:
        for number in foreground[:1]:
            os.tcsetpgrp(number, os.getpgrp())


def _be_first(channel: Channel, make_root: Callable[[], Path], argv: Sequence[str], who: Caller, stdout: int) -> None:
    """Be process 1: it gets no signal that it does not ask for, and its end is that of all others."""
    privileges.end_with_parent()
    for number in signals.ENDING:
        signal.signal(number, signal.SIG_DFL)
    channel.receive()
    mounts.enter_private_namespace()
    mounts.change_root(make_root())
    child = os.fork()
    if child == 0:
        _be_program(channel, argv, who, stdout)
    channel.send(pickle.dumps(_status_of(child)))


def _status_of(child: int) -> int:
    """The exit status of a child, when it has ended; others that end meanwhile are nobody else's."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else SIGNALLED - code


def _be_program(channel: Channel, argv: Sequence[str], who: Caller, stdout: int) -> NoReturn:
    argv = argv or [next(filter(os.path.exists, (who.shell, "/bin/bash")), "/bin/sh")]
    try:
        os.dup2(stdout, 1)
        for number in map(int, os.listdir("/proc/self/fd")):
            with contextlib.suppress(OSError):  # the listing's own
                os.set_inheritable(number, number < 3)
        signals.forget()
        caller.become(who)
        os.execvpe(argv[0], list(argv), dict(who.environment))
    except OSError as e:
        channel.send(cage.FAILURE + pickle.dumps(HostError(f"{argv[0]} cannot be run: {e.strerror}")))
    finally:
        os._exit(1)
