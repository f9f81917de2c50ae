# SPDX-License-Identifier: GPL-2.0-or-later
"""The SQLite databases of rpm and dnf, made fit for a read-only /usr."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ostree_layer.errors import CommitError, HostError

RPMDB_DIRECTORIES = ("usr/lib/sysimage/rpm", "usr/share/rpm", "var/lib/rpm")
HISTORY_DIRECTORY = "usr/lib/sysimage/dnf"
# Where dnf keeps it by itself: shared by all deployments, so that it would disagree with them after a rollback.
SHARED_HISTORY_DIRECTORY = "lib/dnf"
HISTORY = "history.sqlite"
RPMDB = "rpmdb.sqlite"


def find_rpmdb(root: Path) -> str | None:
    """The directory, relative to root, that holds root's rpm database."""
    for directory in RPMDB_DIRECTORIES:
        if any((root / directory).glob("rpmdb.sqlite")) or any((root / directory).glob("Packages*")):
            return directory
    return None


def settle(path: Path) -> None:
    """Bring the database at path out of WAL mode: in it, rpm cannot open a database on a read-only file system."""
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)").fetchall()
            (mode,) = connection.execute("pragma journal_mode=delete").fetchone()
    except sqlite3.Error as e:
        raise CommitError(f"the database {path.name} cannot be closed: {e}") from e
    if mode != "delete":
        raise CommitError(f"the database {path.name} is still in use after the transaction")


@contextlib.contextmanager
def rewritten(path: Path) -> Iterator[sqlite3.Connection]:
    """Let the body change the closed database at path; then write it anew, so that its rows alone say what it is."""
    new = path.with_suffix(".new")
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            with connection:
                yield connection
            connection.execute("vacuum into ?", (os.fspath(new),))
    except sqlite3.Error as e:
        raise CommitError(f"the database {path.name} cannot be written anew: {e}") from e
    shutil.copymode(path, new)
    os.replace(new, path)


def last_transaction(history: Path) -> int:
    """The number of the newest transaction in dnf's history, 0 where there is none."""
    return _greatest(history, "select max(id) from trans", "dnf's history")


def last_package(rpmdb: Path) -> int:
    """The number of the newest package in an rpm database."""
    return _greatest(rpmdb, "select max(hnum) from Packages", "the rpm database")


def _greatest(path: Path, query: str, name: str) -> int:
    """The number that query finds, 0 where there is none."""
    if not path.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return int(connection.execute(query).fetchone()[0] or 0)
    except sqlite3.Error as e:
        raise HostError(f"{name} {path} cannot be read: {e}") from e


def copy_history(source: Path, target: Path) -> None:
    """Copy what dnf keeps about a system, its write-ahead log included, into target."""
    target.mkdir(parents=True, exist_ok=True)
    for name in (HISTORY, HISTORY + "-wal"):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
