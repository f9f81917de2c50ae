# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a tree keeps its rpm database: in /usr, where its own rpm and other tools find it."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import process

DATABASE = "usr/lib/sysimage/rpm"
# Where rpm-ostree has it.
OTHER = "usr/share/rpm"
PROGRAM = "usr/bin/rpm"
MACROS = "usr/lib/rpm/macros.d/macros.ostree-layer"


def tell(root: Path) -> None:
    """Lead to the database of a new tree what looks for it elsewhere; called in the cage, where root is /."""
    if not os.path.lexists(root / OTHER):
        (root / OTHER).parent.mkdir(parents=True, exist_ok=True)
        (root / OTHER).symlink_to(os.path.relpath(f"/{DATABASE}", f"/{OTHER}/.."))
    if not (root / PROGRAM).exists():
        return
    configured = process.run([f"/{PROGRAM}", "--eval", "%_dbpath"], root=root).strip()
    if os.path.realpath(root / configured.lstrip("/")) != os.path.realpath(root / DATABASE):
        (root / MACROS).parent.mkdir(parents=True, exist_ok=True)
        (root / MACROS).write_text(f"%_dbpath /{DATABASE}\n")
