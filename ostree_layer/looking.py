# SPDX-License-Identifier: GPL-2.0-or-later
"""What a DNF run that changes nothing sees of a tree. It is on the way of each read-only command: no libostree here."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from ostree_layer import database, dnf_base

HISTORY = Path(database.HISTORY_DIRECTORY, database.HISTORY)


def look(base: Any, root: Path, shared_var: Path, resources: contextlib.ExitStack) -> str | None:
    """Let DNF read the tree at root.

    Return the tree's rpm database directory if rpm's own configuration names another one.
    """
    dbpath = dnf_base.use_rpmdb_of(root)
    history = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="dnf-ostree-")))
    database.copy_history(history_of(root, shared_var), history)
    dnf_base.look_at(base, root, history)
    return dbpath


def history_of(root: Path, shared_var: Path) -> Path:
    """Where dnf's history of a tree is; until the first change of ours that is in /var."""
    return (root / HISTORY).parent if (root / HISTORY).exists() else shared_var / database.SHARED_HISTORY_DIRECTORY
