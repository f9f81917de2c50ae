# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of sysusers.d(5)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from ostree_layer.account_files import Accounts, Group, User

FOLDERS = ("etc/sysusers.d", "run/sysusers.d", "usr/lib/sysusers.d")
DECLARING = re.compile(r"([ug])!?\s+(\S+)")


def user(entry: User) -> str:
    return f"u {entry.name} {entry.uid}:{entry.gid} {_quoted(entry.gecos)} {_quoted(entry.home)} {_quoted(entry.shell)}"


def group(entry: Group) -> str:
    return f"g {entry.name} {entry.gid} - - -"


def member(name: str, of: str) -> str:
    return f"m {name} {of} - - -"


def _quoted(text: str) -> str:
    """One word, in which nothing is an escape or a specifier."""
    text = text.replace("%", "%%")
    if re.fullmatch(r"[\w/.,+@%-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if text else "-"


def read(files: Iterable[Path]) -> Accounts:
    """The users and groups of files written by this module, whose lines have numbers."""
    found = Accounts({}, {})
    for line in (line for file in files for line in file.read_text().splitlines()):
        kind, name, numbers, *words = shlex.split(line)
        if kind == "u":
            uid, _, gid = numbers.partition(":")
            found.users[name] = User(name, int(uid), int(gid), *(word.replace("%%", "%") for word in words))
        elif kind == "g":
            found.groups[name] = Group(name, int(numbers), ())
    return found


def declared(root: Path) -> dict[str, Path]:
    """The names of the users and groups that root's sysusers.d declares, each with the file that does."""
    files = [file for folder in FOLDERS for file in sorted((root / folder).glob("*.conf"))]
    return {name: file for file in reversed(files) for name in names_in(file)}


def names_in(file: Path) -> list[str]:
    found = map(DECLARING.match, file.read_text(errors="replace").splitlines())
    return [match[2].strip("\"'") for match in found if match]
