# SPDX-License-Identifier: GPL-2.0-or-later
"""What is mounted where, as the kernel says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

OWN, FIRST = "self", "1"
ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """Where a file system is mounted, its kind, what it is called, and its own options."""

    point: Path
    kind: str
    source: str
    options: tuple[str, ...]


def read(process: str = OWN) -> list[Mount]:
    """The mounts that a process sees, in the order in which they were made."""
    return list(parse(Path("/proc", process, "mountinfo").read_text()))


def parse(text: str) -> Iterator[Mount]:
    """The mounts in the content of a mountinfo file."""
    for line in text.splitlines():
        mount, _, rest = line.partition(" - ")
        kind, source, options = rest.split(" ", 2)
        yield Mount(Path(_plain(mount.split(" ")[4])), kind, _plain(source), tuple(map(_option, options.split(","))))


def on(point: Path, mounts: list[Mount]) -> Mount | None:
    """What is mounted on point, on top of others."""
    return next((mount for mount in reversed(mounts) if mount.point == point), None)


def _plain(text: str) -> str:
    """A word as it is meant: there are numbers for some letters."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _option(text: str) -> str:
    """Overlayfs has a backslash before what would mean something else."""
    return re.sub(r"\\(.)", r"\1", _plain(text))
