# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of tmpfiles.d(5)."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from ostree_layer.errors import CommitError

FOLDER = "usr/lib/tmpfiles.d"
# What the names of the files that this product writes begin with.
OURS = "ostree-layer"
BARE = re.compile(r"[A-Za-z0-9/._+:,@=~^-]+")
# The first letter of the lines after which there is something at their path.
MAKING = tuple("fFwdDevqQpLcbC")


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


def fifo(path: str, mode: int, user: str, group: str) -> str:
    return f"p {escape(path)} {mode:04o} {user} {group} - -"


def adjust(path: str, mode: int, user: str, group: str) -> str:
    """Where there is something at path, give it mode and owner."""
    return f"z {escape(path)} {mode:04o} {user} {group} - -"


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


def path_of(line: str) -> str | None:
    """The path that a line, of anybody's, is about; None where there is none."""
    words = line.split(None, 1)
    if len(words) < 2 or not words[0][0].isalpha():
        return None
    try:
        return shlex.split(words[1])[0].replace("%%", "%").rstrip("/")
    except (ValueError, IndexError):
        return None  # systemd does not understand it either


def made_in(root: Path, *, but: str) -> set[str]:
    """The paths that root's tmpfiles.d makes, files whose names begin with `but` left out."""
    files = [file for file in (root / FOLDER).glob("*.conf") if not file.name.startswith(but)]
    lines = (line for file in files for line in read(file) if line[:1] in MAKING)
    return {path for path in map(path_of, lines) if path}


def read(file: Path) -> list[str]:
    return os.fsdecode(file.read_bytes()).splitlines() if file.exists() else []


def write(file: Path, lines: list[str]) -> None:
    """Write lines, each once, as a file of tmpfiles.d; without any the file goes."""
    if lines:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.fsencode("".join(line + "\n" for line in dict.fromkeys(lines))))
    else:
        file.unlink(missing_ok=True)


def _meant(written: str) -> str:
    return chr(int(written[2:], 16)) if written.startswith("\\x") else written[0]


def _argument(text: str) -> str:
    """Write the last column, in which there are C escapes but no quotes, and white space at its ends is lost."""
    text = text.replace("\\", "\\\\").replace("%", "%%")
    return re.sub(r"^\s|\s$|\n", lambda found: f"\\x{ord(found[0]):02x}", text)
