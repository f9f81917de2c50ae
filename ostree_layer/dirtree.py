# SPDX-License-Identifier: GPL-2.0-or-later
"""libostree's directory objects, read from their bytes: GLib would make a Python object of each byte."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator


def read_tree(data: bytes) -> tuple[Iterator[tuple[str, str]], Iterator[tuple[str, str, str]]]:
    """The files and the directories of a dirtree object, which is a GVariant `(a(say)a(sayay))`."""
    width = _width(len(data))
    end = int.from_bytes(data[len(data) - width :], "little")
    return _files(data[:end]), _directories(data[end : len(data) - width])


def _files(data: bytes) -> Iterator[tuple[str, str]]:
    for entry in _elements(data):
        name, checksum = _parts(entry, 1)
        yield os.fsdecode(name[:-1]), checksum.hex()


def _directories(data: bytes) -> Iterator[tuple[str, str, str]]:
    for entry in _elements(data):
        name, contents, meta = _parts(entry, 2)
        yield os.fsdecode(name[:-1]), contents.hex(), meta.hex()


def read_meta(data: bytes) -> tuple[int, int, int, list[tuple[str, bytes]]]:
    """Owner, group, mode and extended attributes of a dirmeta object: `(uuua(ayay))`, numbers big-endian."""
    uid, gid, mode = struct.unpack(">III", data[:12])
    pairs = (_parts(entry, 1) for entry in _elements(data[12:]))
    return uid, gid, stat.S_IMODE(mode), [(os.fsdecode(name.rstrip(b"\0")), bytes(value)) for name, value in pairs]


def _width(length: int) -> int:
    """How many bytes an offset takes in a GVariant container of this length."""
    return 1 if length < 1 << 8 else 2 if length < 1 << 16 else 4


def _elements(data: bytes) -> Iterator[bytes]:
    """The elements of a GVariant array whose elements vary in size: the table of their ends is at its end."""
    if not data:
        return
    width = _width(len(data))
    table = int.from_bytes(data[len(data) - width :], "little")
    start = 0
    for at in range(table, len(data), width):
        end = int.from_bytes(data[at : at + width], "little")
        yield data[start:end]
        start = end


def _parts(entry: bytes, inner: int) -> tuple[bytes, ...]:
    """The members of a GVariant tuple of strings; the ends of the first `inner` are at its end, backwards."""
    width, parts, start = _width(len(entry)), [], 0
    for number in range(1, inner + 1):
        at = len(entry) - number * width
        end = int.from_bytes(entry[at : at + width], "little")
        parts.append(entry[start:end])
        start = end
    return (*parts, entry[start : len(entry) - inner * width])
