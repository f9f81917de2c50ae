# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of an OSTree tree: what is done before a transaction, in the cage after it, and on its upper."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path
from typing import NamedTuple

from ostree_layer import account_files, database, process
from ostree_layer.account_files import Accounts
from ostree_layer.errors import CommandError
from ostree_layer.layout import accounts, machine, os_release, paths, places, reproducible, selinux, var
from ostree_layer.layout import ids as numbers
from ostree_layer.layout.accounts import Texts
from ostree_layer.layout.ids import Ids
from ostree_layer.layout.machine import Files
from ostree_layer.layout.record import Record
from ostree_layer.layout.reproducible import Books

log = logging.getLogger(__name__)


class Former(NamedTuple):
    """What a tree came with. `books` are for a run that is to leave the same on any machine.

    `version` is what the tree's os-release is to name, if it is to name one. A tree that began empty has no `accounts`;
    one that `keeps_accounts` has new ones in its account files, too, and of those in altfiles `keeps_groups`.
    """

    accounts: Texts | None
    identity: Files
    books: Books | None
    version: str = ""
    keeps_accounts: bool = False
    keeps_groups: tuple[str, ...] = ()


class Normalised(NamedTuple):
    """The ids that `finish` needs, and the paths of what was left out because it belongs to one machine only."""

    ids: Ids
    left_out: tuple[str, ...]


def remember(root: Path, epoch: int | None, version: str, *, named: bool) -> Former:
    """What `normalise` needs of before a transaction; `epoch` is what `host.source_date_epoch` returns.

    `version` is the commit's, which os-release is to name if it is `named`, or was before.
    """
    books = None if epoch is None else reproducible.remember(root, epoch)
    is_named = named or os_release.names_version(root)
    return Former(accounts.remember(root / "etc"), machine.remember(root), books, version if is_named else "")


def prepare(root: Path, host: Accounts) -> None:
    """Make the root's accounts, /var and /run what they would be on the booted host, whose accounts `host` has.

    Called in the cage, with the programs of this machine.
    """
    accounts.reserve(root, host)
    if (root / accounts.PROGRAM).exists() and accounts.are_missing(root):
        _try(["systemd-sysusers", f"--root={root}"])
    places.show_copies(root)
    _try(["systemd-tmpfiles", f"--root={root}", "--create", *(f"--prefix=/{area}" for area in ("var", "run", "tmp"))])


def _try(argv: list[str]) -> None:
    """Run one of systemd's programs of this machine, which knows what to do with another root."""
    if shutil.which(argv[0], path=process.ENVIRONMENT["PATH"]) is None:
        log.info("%s is not on this machine: packages see less of what the tree has in /var", argv[0])
        return
    try:
        process.run(argv)
    except CommandError as e:
        log.info("as on many hosts: %s", e)  # one line that it does not like, of anybody's; it did all the others


def normalise(root: Path, former: Former, host: Accounts, record: Record | None) -> Normalised:
    """Make what packages and scriptlets wrote in root fit the rules; called in the cage, where root is /.

    Without a record there were none: only DNF's history has changed.
    """
    left_out = machine.restore(root, former.identity)
    database.settle(root / database.HISTORY_DIRECTORY / database.HISTORY)
    database.settle(root / (database.find_rpmdb(root) or "") / database.RPMDB)
    if former.version:
        os_release.name_version(root, former.version)
    ids = Ids({}, {})
    if record is not None:
        places.take_copies(root, record.before)
        selinux.keep_store(root)
        places.describe(root)
        var.carry(root, record, [place.seen for place in places.of(root)])
        paths.drop_leftovers(root)
        ids = _declare_accounts(root, former, host, record)  # last: it takes new accounts' names out of /etc
    if former.books is not None:
        reproducible.settle(root, former.books)
    return Normalised(ids, left_out)


def _declare_accounts(root: Path, former: Former, host: Accounts, record: Record) -> Ids:
    pristine = former.accounts
    if pristine is None:
        pristine = accounts.packaged(root / "etc", record)
        record = dataclasses.replace(record, accounts=accounts.named_in(pristine, account_files.read(root / "etc")))
    return accounts.declare(root, pristine, host, record, keeps_new=former.keeps_accounts, groups=former.keeps_groups)


def finish(upper: Path, lower: Path, ids: Ids) -> None:
    """What is done to an upper directory when it is not mounted any more; what then fits nowhere is refused."""
    numbers.renumber(upper, ids)
    paths.check(upper, lower)
