# SPDX-License-Identifier: GPL-2.0-or-later
"""The two files of a summary, replaced in one moment.

A client reads `summary.sig` and then `summary`; one that reads just then has to read them again. No order, and no
signature of both, spares it that: gpg stops at the first one that does not fit. The summary goes first because a client
that knows the signature does not ask for the summary.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ostree_layer import files, signals

SUMMARY, SIGNATURES = "summary", "summary.sig"


def put(path: Path, summary: bytes, signatures: bytes) -> None:
    """Replace the summary in the repository at path, with its signatures, empty where it is not signed."""
    wanted = {path / SUMMARY: summary, path / SIGNATURES: signatures}
    if {file: _content(file) for file in wanted} == wanted:
        return
    with signals.held_off():
        files.replace_all({file: content for file, content in wanted.items() if content})
        if not signatures:
            (path / SIGNATURES).unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return b""
