# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders that are slow to make, kept in the lab's cache until their description changes."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Callable

from tests.toys import CACHE


def folder(name: str, description: bytes, make: Callable[[Path, Path], None]) -> Path:
    """The folder called name, made now if it is not in the cache; `make` gets a place to work and a folder to fill."""
    kept = CACHE / f"{name}-{hashlib.sha256(description).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for former in CACHE.glob(f"{name}-*"):
                shutil.rmtree(former)
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=CACHE) as work:
                made = Path(work, "made")
                made.mkdir()
                make(Path(work), made)
                made.rename(kept)
    return kept
