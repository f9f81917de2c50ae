# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of tmpfiles.d(5)."""

from __future__ import annotations

import re

from ostree_layer.errors import CommitError

BARE = re.compile(r"[A-Za-z0-9/._+:,@=~^-]+")


def escape(path: str) -> str:
    r"""Write a path as one word in which nothing is a quote, an escape or a specifier.

    In double quotes, where `\\` and `\"` mean the same to every systemd: up to 252 it knows no other escapes.
    """
    if "\n" in path:
        raise CommitError(f"{path!r} cannot be made on other hosts: tmpfiles.d has no way to write a line break")
    if BARE.fullmatch(path):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def directory(path: str, mode: int, user: str, group: str) -> str:
    return f"d {escape(path)} {mode:04o} {user} {group} - -"


def link(path: str, target: str) -> str:
    return f"L {escape(path)} - - - - {_argument(target)}"


def copy(path: str, source: str) -> str:
    """Where nothing is at path, copy source to it, with its owner and mode."""
    return f"C {escape(path)} - - - - {_argument(source)}"


def source_of(line: str) -> str | None:
    """What a line written by `copy` copies; None for any other line."""
    if not line.startswith("C "):
        return None
    return re.sub(r"%%|\\x..|\\\\", lambda found: _meant(found[0]), "/usr/" + line.split(" - - - - /usr/", 1)[1])


def _meant(written: str) -> str:
    return chr(int(written[2:], 16)) if written.startswith("\\x") else written[0]


def _argument(text: str) -> str:
    """Write the last column, in which there are C escapes but no quotes, and white space at its ends is lost."""
    text = text.replace("\\", "\\\\").replace("%", "%%")
    return re.sub(r"^\s|\s$|\n", lambda found: f"\\x{ord(found[0]):02x}", text)
