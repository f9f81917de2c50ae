# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a tree keeps its rpm database: in /usr, where its own rpm and other tools find it."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import process
from ostree_layer.errors import CommitError

DATABASE = "usr/lib/sysimage/rpm"
# Where rpm-ostree has it.
OTHER = "usr/share/rpm"
# What rpm on this machine writes, as `database` expects.
BACKEND = "sqlite"
PROGRAM = "usr/bin/rpm"
MACROS = "usr/lib/rpm/macros.d/macros.ostree-layer"


def tell(root: Path, *, needs_own_rpm: bool) -> None:
    """Lead to the database of a new tree what looks for it elsewhere; called in the cage, where root is /.

    CommitError if the tree's own rpm needs to read it, and cannot.
    """
    if not os.path.lexists(root / OTHER):
        (root / OTHER).parent.mkdir(parents=True, exist_ok=True)
        (root / OTHER).symlink_to(os.path.relpath(f"/{DATABASE}", f"/{OTHER}/.."))
    if not (root / PROGRAM).exists():
        return
    if needs_own_rpm:
        _require_readable(root)
    configured = process.run([f"/{PROGRAM}", "--eval", "%_dbpath"], root=root).strip()
    if os.path.realpath(root / configured.lstrip("/")) != os.path.realpath(root / DATABASE):
        (root / MACROS).parent.mkdir(parents=True, exist_ok=True)
        (root / MACROS).write_text(f"%_dbpath /{DATABASE}\n")


def _require_readable(root: Path) -> None:
    # Those that know no other format do not know the macro either.
    backend = process.run([f"/{PROGRAM}", "--eval", "%{?_db_backend}"], root=root).strip() or "bdb"
    if backend != BACKEND:
        what = f"the tree's rpm keeps its database as {backend}, and could not read this one, which is {BACKEND}"
        raise CommitError(what, hint="rpmdb: host leaves it as this machine's rpm writes it")
