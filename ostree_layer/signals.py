# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals that end a run: as an exit that cleans up, and not in the middle of a deployment."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def end_by_exit() -> None:
    """Make the ending signals raise SystemExit, so that what was acquired is released."""
    for number in ENDING:
        signal.signal(number, _leave)


def held_off() -> contextlib.AbstractContextManager[None]:
    """Finish the body whatever signal comes: once it has begun, done is the only safe state."""
    return _ignored(*ENDING, signal.SIGINT)


def losing_listeners() -> contextlib.AbstractContextManager[None]:
    """In the body, writing to what has ended is a BrokenPipeError: where stdout is no terminal, DNF would die of it."""
    return _ignored(signal.SIGPIPE)


def left_to_child() -> contextlib.AbstractContextManager[None]:
    """In the body, what is typed to end a program ends the child alone; and the terminal can be taken back from it."""
    return _ignored(signal.SIGINT, signal.SIGQUIT, signal.SIGTTOU)


def forget() -> None:
    """Let this process, which is about to become another program, end by each signal as programs do."""
    for number in (*ENDING, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _ignored(*numbers: signal.Signals) -> Iterator[None]:
    former = {number: signal.signal(number, signal.SIG_IGN) or signal.SIG_DFL for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
