# SPDX-License-Identifier: GPL-2.0-or-later
"""What our own part of a run says to the user."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from ostree_layer import etc_words
from ostree_layer.model import Deployed, RolledBack

HOST_KEYS = "etc/ssh/ssh_host_"
WITHOUT_HOST_KEYS = (
    "SSH host keys that a package made are left out of the tree; 'ssh-keygen -A' makes them where there are none."
)


@contextlib.contextmanager
def progress(doing: str) -> Iterator[None]:
    """On a terminal, say what is being done for as long as it takes."""
    _show(f"{doing} ... ")
    try:
        yield
    except BaseException:
        _show("\n")
        raise
    _show("done\n")


@contextlib.contextmanager
def pulling() -> Iterator[Callable[[int, int, int], None]]:
    """On a terminal, say how far a pull has come; yield what is told of it."""
    shown = ""

    def tell(done: int, wanted: int, size: int) -> None:
        nonlocal shown
        if wanted > 1:  # of one object, and be it the commit alone, there is nothing to see
            shown = f"Pulling the tree: {done} of {wanted} objects, {size / 1e6:.1f} MB"
            _show(f"\r{shown}")

    try:
        yield tell
    finally:
        _show("\n" if shown else "")


@contextlib.contextmanager
def not_pulling() -> Iterator[Callable[[int, int, int], None]]:
    """In the place of pulling, say nothing."""
    yield lambda done, wanted, size: None


@contextlib.contextmanager
def silent(_doing: str) -> Iterator[None]:
    """In the place of progress, say nothing."""
    yield


def _show(text: str) -> None:
    # A terminal that went away must not turn what is being done into a failure.
    with contextlib.suppress(OSError):
        if sys.stdout.isatty():
            sys.stdout.write(text)
            sys.stdout.flush()


@contextlib.contextmanager
def hushed(*, wanted: bool) -> Iterator[TextIO]:
    """For the body, if wanted, keep back what is printed, which may say why it fails; yield where results go."""
    out = sys.stdout
    with contextlib.redirect_stdout(io.StringIO() if wanted else out) as said:
        try:
            yield out
        except Exception:
            sys.stderr.write(said.getvalue() if isinstance(said, io.StringIO) else "")
            raise


def name(deployed: Deployed) -> str:
    return deployed.checksum[:12] + (f" ({deployed.version})" if deployed.version else "")


def installed(deployed: Deployed) -> Iterator[str]:
    """After a transaction."""
    if deployed.is_staged:
        yield f"Staged deployment {name(deployed)}. Reboot to start it, or 'dnf rollback' to drop it."
    else:
        yield f"New deployment {name(deployed)}. {_activation(deployed)}"
    yield from etc_words.summary(deployed.etc_conflicts)
    if any(path.startswith(HOST_KEYS) for path in deployed.left_out):
        yield WITHOUT_HOST_KEYS
    yield from deployed.notices


def rolled_back(result: RolledBack) -> str:
    """After `dnf rollback` and `dnf stateroot switch`."""
    dropped = f"Staged deployment {result.dropped[:12]} is dropped. " if result.dropped else ""
    where = "It is running now." if result.is_booted and not result.is_live else _activation(result.deployed)
    if result.is_live:
        where += " What was applied to the running system stays until then, or 'dnf apply-live --reset'."
    return f"{dropped}Deployment {name(result.deployed)} boots next. {where}"


def _activation(deployed: Deployed) -> str:
    return "Reboot to start it." if deployed.sysroot == "/" else f"It is in {deployed.sysroot}."
