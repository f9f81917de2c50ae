# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of an OSTree tree: what is done before a transaction, in the cage after it, and on its upper."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from ostree_layer import cage, database, process
from ostree_layer.account_files import Accounts
from ostree_layer.errors import CommandError
from ostree_layer.layout import accounts, paths, places, var
from ostree_layer.layout.accounts import Ids, Texts
from ostree_layer.layout.record import Record

log = logging.getLogger(__name__)


def prepare(root: Path, host: Accounts) -> None:
    """Make the root's accounts, /var and /run what they would be on the booted host, whose accounts `host` has."""
    has_systemd = (root / accounts.PROGRAM).exists()

    def work() -> None:
        accounts.reserve(root, host)
        if has_systemd:
            _try(["systemd-sysusers", f"--root={root}"])
        places.show_copies(root)
        _try(
            ["systemd-tmpfiles", f"--root={root}", "--create", *(f"--prefix=/{area}" for area in ("var", "run", "tmp"))]
        )

    cage.call(root, work, inside=False)


def _try(argv: list[str]) -> None:
    """Run one of systemd's programs of this machine, which knows what to do with another root."""
    if shutil.which(argv[0], path=process.ENVIRONMENT["PATH"]) is None:
        log.info("%s is not on this machine: packages see less of what the tree has in /var", argv[0])
        return
    try:
        process.run(argv)
    except CommandError as e:
        log.info("as on many hosts: %s", e)  # one line that it does not like, of anybody's; it did all the others


def normalise(root: Path, pristine: Texts, host: Accounts, record: Record | None) -> Ids:
    """Make what packages and scriptlets wrote in root fit the rules; called in the cage, where root is /.

    Without a record there were none: only DNF's history has changed.
    """
    for directory in (database.HISTORY_DIRECTORY, *database.RPMDB_DIRECTORIES):
        for name in (database.HISTORY, database.RPMDB):
            database.settle(root / directory / name)
    if record is None:
        return Ids({}, {})
    places.take_copies(root, record.before)
    places.describe(root)
    var.carry(root, record, [place.seen for place in places.of(root)])
    paths.drop_leftovers(root)
    return accounts.declare(root, pristine, host, record)  # last: it takes the names of new accounts out of /etc


def finish(upper: Path, lower: Path, ids: Ids) -> None:
    """What is done to an upper directory when it is not mounted any more; what then fits nowhere is refused."""
    accounts.renumber(upper, ids)
    paths.check(upper, lower)
