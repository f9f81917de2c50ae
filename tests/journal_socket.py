# SPDX-License-Identifier: GPL-2.0-or-later
"""A journal that tests can read, as far as it is a socket."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def receiving(path: Path) -> Iterator[socket.socket]:
    """Where a journal would receive what is sent to path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(os.fspath(path))
        yield receiver


def parsed(datagram: bytes) -> dict[str, str]:
    """What systemd-journald would read, by its documented protocol."""
    found = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + size], datagram[8 + size + 1 :]
        found[name.decode()] = value.decode(errors="surrogateescape")
    return found
