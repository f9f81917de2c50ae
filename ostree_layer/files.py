# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that others read while they are written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ostree_layer.failpoint import failpoint


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that whoever reads it at any time, or after a crash, has the old content or the new, whole."""
    replace_all({path: content}, mode)


def replace_all(contents: Mapping[Path, bytes], mode: int = 0o644) -> None:
    """Replace files one right after the other, in this order, when all of them are written."""
    with contextlib.ExitStack() as left:
        written = {path: _written(path, content, mode, left) for path, content in contents.items()}
        for number, (path, new) in enumerate(written.items()):
            if number:
                failpoint("files::between")
            os.replace(new, path)
    for folder in {path.parent for path in contents}:
        sync_folder(folder)


def _written(path: Path, content: bytes, mode: int, left: contextlib.ExitStack) -> str:
    """A new file beside path, which `left` removes if it is still there."""
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    left.callback(Path(new).unlink, missing_ok=True)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    return new


def sync_folder(path: Path) -> None:
    """Let what was renamed in a folder outlive a crash."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
