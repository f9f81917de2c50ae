# SPDX-License-Identifier: GPL-2.0-or-later
"""Values under names, one below the other, as `dnf status` and `dnf tree show` print them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator


def field(name: str, value: str) -> str:
    return f"{name:>18}: {value}"


def listed(name: str, lines: Iterable[str]) -> Iterator[str]:
    """Several lines under one name; nothing if there are none."""
    for index, line in enumerate(lines):
        yield f"{'' if index else name:>18}{' ' if index else ':'} {line}"


def moment(timestamp: int) -> str:
    """Seconds since the epoch as a date, and a time to the minute."""
    return f"{datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"


def printable(path: str) -> str:
    """A path, or what somebody else wrote, as one line of text, whatever it is made of."""
    text = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode()
