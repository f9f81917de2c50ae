# SPDX-License-Identifier: GPL-2.0-or-later
"""The databases of rpm and dnf as a transaction would have left them on any machine that ran it at a given time.

Who ran it, and by which words, is in the commit's metadata too, and that is no part of the root. All times are seconds
since 1970.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ostree_layer import database

HISTORY = f"{database.HISTORY_DIRECTORY}/{database.HISTORY}"
# What dnf writes where nobody has logged in.
NO_USER = -1
INSTALLTIME, INSTALLTID = 1008, 1128
# A header has the number of its entries and the size of its data; an entry is a tag, a type, an offset and a count.
HEAD, ENTRY, NUMBER = struct.Struct(">II"), struct.Struct(">IIiI"), struct.Struct(">I")
INDEX_KEY = struct.Struct("=I")


class Books(NamedTuple):
    """The numbers of the newest package in the rpm database and of the newest transaction in the history.

    `time` is when all that is newer is to have been made.
    """

    package: int
    transaction: int
    time: int


def remember(root: Path, time: int) -> Books:
    """How far the databases of root have come, so that `settle` leaves alone what the tree came with."""
    found = _rpmdb(root)
    return Books(database.last_package(found) if found else 0, database.last_transaction(root / HISTORY), time)


def settle(root: Path, before: Books) -> None:
    """Make what root's databases say of everything after `before` depend on the packages and on its time alone."""
    found = _rpmdb(root)
    if found is not None:
        with database.rewritten(found) as rpmdb:
            _settle_packages(rpmdb, before.package, before.time)
    if (root / HISTORY).exists():
        with database.rewritten(root / HISTORY) as history:
            _settle_history(history, before.transaction, before.time)


def _rpmdb(root: Path) -> Path | None:
    """The rpm database of root, where it is one of SQLite."""
    path = root / (database.find_rpmdb(root) or "") / database.RPMDB
    return path if path.exists() else None


def _settle_packages(rpmdb: sqlite3.Connection, last: int, time: int) -> None:
    """Do what rpm does by itself since 4.18: one time for the transaction, and a second more for each package."""
    rows = rpmdb.execute("select hnum, blob from Packages where hnum > ? order by hnum", (last,)).fetchall()
    for number, (hnum, header) in enumerate(rows):
        if _value(header, INSTALLTID) != time:
            stamped = _stamp(header, {INSTALLTIME: time + number, INSTALLTID: time})
            rpmdb.execute("update Packages set blob = ? where hnum = ?", (stamped, hnum))
            rpmdb.execute("update Installtid set key = ? where hnum = ?", (INDEX_KEY.pack(time), hnum))


def _value(header: bytes, tag: int) -> int | None:
    place = _places(header).get(tag)
    return None if place is None else int(NUMBER.unpack_from(header, place)[0])


def _stamp(header: bytes, values: Mapping[int, int]) -> bytes:
    """The header with other numbers for the tags that it has."""
    stamped, places = bytearray(header), _places(header)
    for tag in values.keys() & places.keys():
        NUMBER.pack_into(stamped, places[tag], values[tag])
    return bytes(stamped)


def _places(header: bytes) -> dict[int, int]:
    """Where in a header the data of each tag begins."""
    count, _size = HEAD.unpack_from(header)
    data = HEAD.size + count * ENTRY.size
    entries = ENTRY.iter_unpack(header[HEAD.size : data])
    return {tag: data + offset for tag, _kind, offset, _count in entries}


def _settle_history(history: sqlite3.Connection, last: int, time: int) -> None:
    """Say when, by whom and by which words each transaction was made as on any machine; what it did stays.

    The output of scriptlets goes, and so do the names of groups in the language of whoever was there.
    """
    history.execute(
        "update trans set dt_begin = ?, dt_end = ?, user_id = ?, cmdline = '' where id > ?", (time, time, NO_USER, last)
    )
    history.execute("delete from console_output where trans_id > ?", (last,))
    for table in ("comps_group", "comps_environment"):
        history.execute(
            f"update {table} set translated_name = name"
            " where item_id in (select item_id from trans_item where trans_id > ?)",
            (last,),
        )
