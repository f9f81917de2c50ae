# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of /etc, in `dnf status` and after a transaction."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence

from ostree_layer.etc_model import EtcObstacle, EtcStatus, LocalEtc
from ostree_layer.model import EtcConflict

# Nobody wrote it: it is what ldconfig found on this host. libostree merges it like any other file.
LINKER_CACHE = "ld.so.cache"


def render_local(local: LocalEtc) -> Iterator[str]:
    """How many files of /etc are local, and which."""
    groups = {"modified": local.modified, "removed": local.removed, "added": local.added, "not readable": local.unread}
    counts = [f"{len(paths)} {word}" for word, paths in groups.items() if paths]
    if counts:
        yield ", ".join(counts)
    for word, paths in groups.items():
        for path in paths:
            yield f"{word.capitalize():<12}{shown(path)}"


def render_conflicts(conflicts: Sequence[EtcConflict]) -> Iterator[str]:
    """A line for each conflict, and one for the account files, which are no news to anybody."""
    for conflict in conflicts:
        if not conflict.is_account_file:
            yield f"{shown(conflict.path)}: {_what_happened(conflict)}"
    accounts = [shown(conflict.path) for conflict in conflicts if conflict.is_account_file]
    if accounts:
        yield f"{', '.join(accounts)}: yours kept, as on every host; packages bring their accounts by sysusers.d"


def _what_happened(conflict: EtcConflict) -> str:
    both = conflict.here == conflict.tree
    happened = f"{conflict.here} here" + (" and in the tree" if both else f", {conflict.tree} in the tree")
    if conflict.here == "removed":
        return f"{happened}; it stays removed"
    remedy = ": run 'ldconfig' after the reboot" if conflict.path == LINKER_CACHE else ""
    return f"{happened}; yours is kept{remedy}"


def render_comparison(etc: EtcStatus) -> str:
    """The command that compares the first file that is there on both sides; an empty string if there is none."""
    for conflict in etc.conflicts:
        is_comparable = not conflict.is_account_file and conflict.path != LINKER_CACHE
        if is_comparable and "removed" not in (conflict.here, conflict.tree):
            paths = (quoted(os.path.join(directory, conflict.path)) for directory in (etc.directory, etc.defaults))
            return " ".join(["diff", *paths])
    return ""


def render_obstacles(obstacles: Sequence[EtcObstacle]) -> Iterator[str]:
    """What is in the way of libostree's merge."""
    for obstacle in obstacles:
        yield f"{shown(obstacle.path)} is {obstacle.here} here and {obstacle.tree} in the tree"


def summary(conflicts: Sequence[EtcConflict]) -> Iterator[str]:
    """What is worth a line after a transaction; account files alone are not."""
    count = sum(not conflict.is_account_file and conflict.path != LINKER_CACHE for conflict in conflicts)
    if count == 1:
        yield "1 file of /etc is changed both here and in the tree: yours is kept, 'dnf status' tells how to compare."
    elif count:
        yield f"{count} files of /etc are changed both here and in the tree: yours are kept, 'dnf status' tells which."
    if any(conflict.path == LINKER_CACHE and conflict.here != "removed" for conflict in conflicts):
        yield "ldconfig was run on this host: run it again after the reboot, for programs to find all new libraries."


def shown(path: str) -> str:
    """A path of /etc as a terminal can show it."""
    return _escaped(f"/etc/{path}")


def quoted(path: str) -> str:
    """A path as a shell reads it."""
    if path.isprintable():
        return shlex.quote(path)
    backslashed = path.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_escaped(backslashed)}'"


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else "".join(f"\\x{byte:02x}" for byte in os.fsencode(c)) for c in text)
