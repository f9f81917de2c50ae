# SPDX-License-Identifier: GPL-2.0-or-later
"""os-release(5) of a tree, which may name the version of its commit for programs that know nothing of OSTree."""

from __future__ import annotations

import re
from pathlib import Path

FILE = "usr/lib/os-release"
LINE = re.compile(r"^OSTREE_VERSION=.*\n?", re.MULTILINE)


def names_version(root: Path) -> bool:
    """Whether whoever composed the tree at root wanted the version in it."""
    return (root / FILE).is_file() and LINE.search((root / FILE).read_text()) is not None


def name_version(root: Path, version: str) -> None:
    """Let root's os-release name version; a package that brings a new os-release does not."""
    file = root / FILE
    if not file.is_file():
        return
    former = file.read_text()
    text = LINE.sub("", former)
    text += ("" if text.endswith("\n") else "\n") + f"OSTREE_VERSION='{version}'\n"
    if text != former:
        file.write_text(text)
