# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the paths that a transaction wrote belong in a tree."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ostree_layer import upper
from ostree_layer.errors import CommitError
from ostree_layer.upper import Kind

# Where something is mounted while a transaction runs, or when the host runs.
MOUNT_POINTS = ("boot", "dev", "etc", "proc", "run", "sys", "sysroot", "tmp", "var")
# Left behind by the account tools and by rpm: of no use in a tree, and different on each run.
LEFTOVERS = (
    *(
        f"usr/etc/{name}{end}"
        for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")
        for end in ("-", ".lock")
    ),
    "usr/etc/.pwd.lock",
    "usr/lib/sysimage/rpm/.rpm.lock",
    "usr/share/rpm/.rpm.lock",
)


def drop_leftovers(root: Path) -> None:
    for name in LEFTOVERS:
        (root / name).unlink(missing_ok=True)


def check(staged: Path) -> None:
    """Refuse an upper that holds what a tree cannot; drop the empty directories that were only mounted on."""
    for entry in upper.entries(os.fspath(staged)):
        if entry.name == "usr" or entry.kind is Kind.WRITTEN and os.path.islink(entry.path):
            continue
        if entry.kind is Kind.MERGED and (entry.name in MOUNT_POINTS or _first_below(entry.path) is None):
            _require_empty(entry)
            shutil.rmtree(entry.path)
            continue
        raise CommitError(f"/{entry.name} fits nowhere in an OSTree tree", hint=RULE)


RULE = "a tree holds /usr and /etc; /var, /opt, /srv, /home and /root are kept in /var"


def _require_empty(entry: upper.Entry) -> None:
    found = _first_below(entry.path)
    if found is not None:
        raise CommitError(f"/{entry.name}/{found} fits nowhere in an OSTree tree", hint=RULE)


def _first_below(directory: str) -> str | None:
    """The first path below directory that is not a directory itself."""
    for folder, _directories, files in os.walk(directory):
        for name in sorted(files):
            return os.path.relpath(os.path.join(folder, name), directory)
    return None
