# SPDX-License-Identifier: GPL-2.0-or-later
"""os-release(5) of a tree, which may name the version of its commit for programs that know nothing of OSTree."""

from __future__ import annotations

import re
from pathlib import Path

FILE = "usr/lib/os-release"
LINE = re.compile(r"^OSTREE_VERSION=.*\n?", re.MULTILINE)
# What names a version to people.
NAMES = re.compile(r"^(VERSION|PRETTY_NAME)=.*$", re.MULTILINE)


def names_version(root: Path) -> bool:
    """Whether whoever composed the tree at root wanted the version in it."""
    return (root / FILE).is_file() and LINE.search((root / FILE).read_text()) is not None


def name_version(root: Path, version: str, former: str = "") -> None:
    """Let root's os-release name version, in the place of `former` too, where that is what people read.

    A package that brings a new os-release does not.
    """
    file = root / FILE
    if not file.is_file():
        return
    before = file.read_text()
    text = LINE.sub("", before)
    if former:
        text = NAMES.sub(lambda line: line[0].replace(former, version), text)
    text += ("" if text.endswith("\n") else "\n") + f"OSTREE_VERSION='{version}'\n"
    if text != before:
        file.write_text(text)
