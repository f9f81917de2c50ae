# SPDX-License-Identifier: GPL-2.0-or-later
"""Child processes: the only module that imports subprocess."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Callable

from ostree_layer import signals
from ostree_layer.errors import CommandError

log = logging.getLogger(__name__)

STDERR_TAIL = 1024
# Whoever sets it wants all that is made to depend on it.
EPOCH = "SOURCE_DATE_EPOCH"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_OFFLINE": "1"}


def run(
    argv: Sequence[str],
    *,
    root: Path = Path("/"),
    extra: Mapping[str, str] = MappingProxyType({}),
    is_script: bool = False,
) -> str:
    """Run argv to its end, with root as its root directory, in a fixed environment and `extra`; return its stdout.

    Of a script, stderr is part of that, and of an error both are.
    """
    log.debug("+ %s", shlex.join(argv))
    done = subprocess.run(
        argv,
        env={**ENVIRONMENT, **_epoch(), **extra},
        preexec_fn=None if root == Path("/") else lambda: _enter(root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if is_script else subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stdout if is_script else done.stderr
        raise CommandError(argv, done.returncode, said[-STDERR_TAIL:].strip())
    return done.stdout


def gpg_rows(*arguments: str) -> list[list[str]]:
    """The lines and columns that gpg prints for programs, in a GnuPG home that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-") as home:
        listed = run(["gpg", "--batch", "--no-options", f"--homedir={home}", "--with-colons", *arguments])
    return [line.split(":") for line in listed.splitlines()]


def _epoch() -> dict[str, str]:
    return {EPOCH: os.environ[EPOCH]} if EPOCH in os.environ else {}


def _enter(root: Path) -> None:
    os.chroot(root)
    os.chdir("/")


@contextlib.contextmanager
def helper(argv: Sequence[str], text: str, *, keep: int) -> Iterator[None]:
    """Let argv work beside the body, `text` on its stdin and the file descriptor `keep` open in it too."""
    environment = {**ENVIRONMENT, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=environment, stdin=pipe, stderr=pipe, text=True, pass_fds=(keep,)) as child:
        assert child.stdin is not None and child.stderr is not None
        with signals.losing_listeners(), contextlib.suppress(BrokenPipeError):  # what ended it is in its status
            child.stdin.write(text)
            child.stdin.close()
        yield
        stderr = child.stderr.read()
    if child.returncode:
        raise CommandError(argv, child.returncode, stderr[-STDERR_TAIL:].strip())


@contextlib.contextmanager
def companion(argv: Sequence[str], *, keep: int, extra: Mapping[str, str]) -> Iterator[None]:
    """Let argv work beside the body, the file descriptor `keep` open in it; it is over when the body is."""
    log.debug("+ %s &", shlex.join(argv))
    quiet = subprocess.DEVNULL
    environment = {**ENVIRONMENT, **extra}
    with subprocess.Popen(argv, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=(keep,)) as child:
        try:
            yield
        finally:
            child.terminate()


@contextlib.contextmanager
def beside(
    argv: Sequence[str], *, said: Path, keep: Sequence[int], first: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """Let argv work beside the body, the file descriptors `keep` open in it; it is killed when the body is over.

    What it says is written to the file `said`; the body is given what tells whether it has ended by itself. Its process
    does `first` before it becomes argv.
    """
    log.debug("+ %s &", shlex.join(argv))
    with said.open("wb") as file:
        child = subprocess.Popen(
            argv,
            env=ENVIRONMENT,
            preexec_fn=first,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            pass_fds=keep,
        )
    try:
        yield lambda: child.poll() is not None
    finally:
        child.kill()
        child.wait()


def inside(
    first: int, argv: Sequence[str], folder: str, environment: Mapping[str, str], before: Callable[[], None]
) -> int:
    """Run argv in all namespaces of the process `first`, in a folder that is named from its root, with our own output.

    Its process does `before` before it enters them. Return its exit status, or 128 and the number of the signal that
    ended it.
    """
    log.debug("+ (in %d) %s", first, shlex.join(argv))
    whole = [*_entering(first), f"--wd=/proc/{first}/root/{folder}", *argv]
    done = subprocess.run(whole, env=environment, preexec_fn=before, stdin=subprocess.DEVNULL, check=False)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def said_inside(first: int, argv: Sequence[str], environment: Mapping[str, str], seconds: float) -> str:
    """What argv prints there, whatever its exit status is; CommandError where it takes longer."""
    whole, pipe, quiet = [*_entering(first), "--wd", *argv], subprocess.PIPE, subprocess.DEVNULL
    try:
        done = subprocess.run(
            whole, env=environment, stdin=quiet, stdout=pipe, stderr=quiet, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise CommandError(argv, -signal.SIGKILL, "") from e
    return done.stdout


def _entering(first: int) -> list[str]:
    namespaces = ("mount", "pid", "net", "ipc", "uts", "cgroup", "root")
    return ["nsenter", f"--target={first}", *(f"--{name}" for name in namespaces)]


def start_detached(argv: Sequence[str]) -> None:
    """Start argv in a session of its own and leave it: nobody waits for it, nothing reads what it prints."""
    log.debug("+ %s &", shlex.join(argv))
    quiet = subprocess.DEVNULL
    environment = {**ENVIRONMENT, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    child = subprocess.Popen(argv, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    child.returncode = 0  # it outlives this process: nobody is to warn that it was not waited for
