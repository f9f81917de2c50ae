# SPDX-License-Identifier: GPL-2.0-or-later
"""libostree by GObject introspection, imported in one place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import gi

from ostree_layer.errors import OstreeLayerError

gi.require_version("OSTree", "1.0")
from gi.repository import Gio, GLib, OSTree

__all__ = ["GLib", "Gio", "OSTree", "content", "gfile", "translated"]

AT_FDCWD = -100
BLOCK = 1 << 20


def gfile(path: Path | str) -> Gio.File:
    return Gio.File.new_for_path(str(path))


def content(file: OSTree.RepoFile) -> bytes:
    """What is in a regular file of a commit; GIO's load_contents asks for more than libostree has, and complains."""
    stream = file.read(None)
    return b"".join(iter(lambda: stream.read_bytes(BLOCK, None).get_data() or b"", b""))


@contextlib.contextmanager
def translated(doing: str, error: type[OstreeLayerError], *, hint: str = "") -> Iterator[None]:
    """Raise libostree's errors in the body as `error`: what was being done, and what libostree says."""
    try:
        yield
    except GLib.Error as e:
        raise error(f"{doing}: {e.message}", hint=hint) from e
