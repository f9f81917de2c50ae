# SPDX-License-Identifier: GPL-2.0-or-later
"""What a boot would make of a tree's files, made while a system runs: accounts, and what belongs into /var."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

from ostree_layer import etc, process
from ostree_layer.errors import CommandError

SYSUSERS, TMPFILES = "lib/sysusers.d", "lib/tmpfiles.d"


def settle(
    old: Path, new: Path, stays: Callable[[str], bool], inside: Sequence[str], spared: Sequence[str] = ()
) -> Iterator[str]:
    """Make what the /usr `new` asks for and the /usr `old` does not; yield why some of it could not be.

    `inside` is an argv that runs another where it is to be made; there /usr is `new`, but for what `stays`. That there
    are accounts without use or places without files hurts nobody, so nothing is taken away. Below `spared`, paths,
    nothing is made.
    """
    tmpfiles = " ".join(["systemd-tmpfiles --create", *(f"--exclude-prefix={path}" for path in spared)])
    for program, folder in (("systemd-sysusers", SYSUSERS), (tmpfiles, TMPFILES)):
        names = [name for name in _changed(old / folder, new / folder) if not stays(f"usr/{folder}/{name}")]
        if names:
            try:
                process.run([*inside, *program.split(), *names])
            except CommandError as e:
                yield str(e)


def _changed(old: Path, new: Path) -> list[str]:
    """The names of the files that are there now, and were not, or not the same."""
    changes = etc.local_changes(old, new)
    return [name for name, change in changes.items() if change in (etc.Change.ADDED, etc.Change.MODIFIED)]
