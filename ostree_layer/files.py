# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that others read while they are written."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path


def replace(path: Path, content: bytes, mode: int = 0o644, *, not_before: float = 0) -> None:
    """Write a file so that whoever reads it at any time, or after a crash, has the old content or the new, whole.

    It is as of now, or of `not_before`, in seconds since 1970.
    """
    moment = max(time.time(), not_before)
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.utime(file.fileno(), (moment, moment))
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
    sync_folder(path.parent)


def link(path: Path, target: str) -> None:
    """Let path be a link to target, at once, whatever it was."""
    new = path.with_name(f".{path.name}-new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    os.replace(new, path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Let what was renamed in a folder outlive a crash."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
