# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of tmpfiles.d(5)."""

from __future__ import annotations

import os

PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+:,@=~^")


def escape(path: str) -> str:
    """Write a path, of any bytes, as one word in which nothing is a quote, an escape or a specifier."""
    return "".join(_escaped(byte) for byte in os.fsencode(path))


def _escaped(byte: int) -> str:
    if byte == ord("%"):
        return "%%"
    return chr(byte) if byte in PLAIN else f"\\x{byte:02x}"


def directory(path: str, mode: int, user: str, group: str) -> str:
    return f"d {escape(path)} {mode:04o} {user} {group} - -"


def link(path: str, target: str) -> str:
    return f"L {escape(path)} - - - - {escape(target)}"


def copy(path: str, source: str) -> str:
    """Where nothing is at path, copy source to it, with its owner and mode."""
    return f"C {escape(path)} - - - - {escape(source)}"
