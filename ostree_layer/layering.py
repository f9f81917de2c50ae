# SPDX-License-Identifier: GPL-2.0-or-later
"""One DNF run on its way to a deployment: stage, let DNF run, normalise, commit, deploy."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from ostree_layer import (
    account_files,
    activation,
    database,
    deploy,
    dnf_base,
    history,
    host,
    interop,
    layout,
    ledger,
    metadata,
    misfits,
    notices,
    origin,
    repo,
    requests,
    seal,
    signals,
    staging,
    sysroot,
    trunk,
)
from ostree_layer.deploy import Tree
from ostree_layer.errors import TransactionFailed
from ostree_layer.failpoint import failpoint
from ostree_layer.layout.kernel import Wishes
from ostree_layer.looking import HISTORY
from ostree_layer.model import Deployed, EtcConflict, LocalCommit, Package, Transaction
from ostree_layer.move import Move
from ostree_layer.ostree_gi import GLib, OSTree
from ostree_layer.report import Report
from ostree_layer.workpiece import Workpiece


def stage(move: Move, dbpath: str | None, resources: contextlib.ExitStack) -> Layering:
    """Mount the staged root and let DNF see it instead of the host; `dbpath` is what `looking.look` returned."""
    base, where, staged = move.base, move.place, move.place.staged
    os.umask(0o022)  # what DNF and we write belongs to the tree, whoever started this
    mounted = resources.enter_context(contextlib.ExitStack())
    mounted.enter_context(staging.mounted(staged))
    dbpath = dnf_base.use_rpmdb_of(staged.lower) or dbpath
    if dbpath is not None:
        dnf_base.lend_dbpath_to_children(staged.folder, dbpath, mounted)
    has_former_history = history.take_along(where)
    if host.source_date_epoch(os.environ) is not None:
        dnf_base.sort_transactions(base)
    dnf_base.work_in(base, staged.root)
    failpoint("layering::staged")
    return Layering(move, mounted, has_former_history=has_former_history)


class Layering:
    """DNF at work in a staged root, until what it did is deployed; when its mounts are closed it is gone instead.

    A run may have several RPM transactions (`dnf shell`).
    """

    def __init__(self, move: Move, mounted: contextlib.ExitStack, *, has_former_history: bool) -> None:
        base, root, settings = move.base, move.place.staged.root, move.settings
        self.move, self._base, self._settings, self._place = move, base, settings, move.place
        self._has_former_history = has_former_history
        self._first = database.last_transaction(root / HISTORY)
        self._ledger = ledger.Ledger.begin(base, root)
        version = repo.version(self._previous)
        former = layout.remember(root, host.source_date_epoch(os.environ), version, named=settings.os_release)
        accounts = account_files.read(self._local_etc)  # that will be merged into the new one
        self._piece = Workpiece(self._place.staged, former, accounts, mounted)
        self._piece.cage_rpm(network=settings.scriptlets_network)
        self._is_running = self._has_failed = False
        self._told: tuple[tuple[EtcConflict, ...], tuple[str, ...]] = ((), ())
        self._words = interop.Words()
        self._made: tuple[LocalCommit, set[Package]] | None = None

    def rpm_begins(self) -> None:
        """DNF is about to run an RPM transaction, or to write a change of groups or modules."""
        failpoint("layering::resolved")
        self._has_failed = self._has_failed or self._is_running
        self._is_running = True

    def rpm_ended(self, complaint: str) -> None:
        """DNF came to an end without a failed package; `complaint` says which scriptlet failed, if one did."""
        if not self._is_running:
            return
        if complaint and self._settings.strict_scriptlets:
            hint = "strict_scriptlets=0 in ostree.conf lets DNF go on after a failed scriptlet"
            raise TransactionFailed(complaint, hint=hint)
        self._ledger.steps.append(dnf_base.step_of(self._base))
        self._ledger.advisories.extend(notices.of(self._base.transaction.install_set if self._base.transaction else ()))
        self._is_running = False
        failpoint("layering::ran")

    def reasons(self) -> list[str]:
        """Why a transaction may have failed for which rpm gives no reason."""
        failed, needed = dnf_base.failed_files(self._base), dnf_base.install_size(self._base)
        return misfits.explain(self._place.staged.root, failed, needed, self._place.target.sysroot)

    @property
    def is_changed(self) -> bool:
        """Whether DNF changed anything; `mark` writes to the history only, and without a transaction."""
        return bool(self._ledger.steps or self._entries)

    def _with_entries(self, made_by: Transaction) -> Transaction:
        return dataclasses.replace(made_by, history=self._entries, has_former_history=self._has_former_history)

    @property
    def _entries(self) -> tuple[int, ...]:
        """The ids of the entries that this run has made in DNF's history."""
        return tuple(range(self._first + 1, database.last_transaction(self._place.staged.root / HISTORY) + 1))

    def write(self, made_by: Transaction, report: Report) -> Tree | None:
        """Make a commit of what DNF did, to which nothing leads yet; None if that was nothing."""
        self.make(made_by, report)
        return self.commit(report)

    def make(self, made_by: Transaction, report: Report) -> bool:
        """Leave of what DNF did in the upper what a tree may have; False if that was nothing."""
        if self._is_running or self._has_failed:
            raise TransactionFailed("a transaction of this session failed, so none of it is deployed")
        if not self.is_changed and self._place.destination is None:
            return False
        local, packages = self._close_books(made_by)
        if self.is_changed or requests.entries(local.requests) != ledger.entries_of(self._store, self._place.commit):
            self._normalise(report)
            self._made = local, packages
        return self._made is not None

    def commit(self, report: Report) -> Tree | None:
        """Make a commit of what was made, to which nothing leads yet; None if that was nothing.

        A tree that was gone to without anything of the user's is itself what is to be deployed.
        """
        if self._made is None:
            return self._exact() if self._is_another else None
        with report("Writing the tree"):
            return self._commit(*self._made)

    def deploy(self, tree: Tree, command: str, report: Report, name: str = "") -> Deployed:
        """Deploy what `write` has written, and let the ref `name`, if there is one, lead to it."""
        where = self._place
        site = activation.Site(where.target, where.locked, where.stateroot, where.start, command)
        with report("Deploying it"), signals.held_off(), repo.leading(self._store, name, tree.checksum):
            deployed = activation.activate(site, tree, self._settings, (*self._told, self._words.notices))
        trunk.leave(where.staged.lower)
        deploy.clean_up_later(where.target, self._settings.history)
        return deployed

    def _close_books(self, made_by: Transaction) -> tuple[LocalCommit, set[Package]]:
        root, made_by = self._place.staged.root, self._with_entries(made_by)
        closed = ledger.close(self._ledger, self._base, root, self.move.lineage, made_by, self.move.outcome)
        dnf_base.close(self._base)
        return closed

    def _normalise(self, report: Report) -> None:
        """Make what was written fit the rules of a tree, and leave it in the upper alone."""
        wishes = Wishes(metadata.parse_initramfs_arguments(repo.metadata(self._previous)))
        left_out = self._piece.normalise(self._ledger.installed, self._ledger.removed, wishes, report)
        self._told = self._meet_local_etc(), left_out
        self._piece.unmount()
        failpoint("layering::normalised")

    def _meet_local_etc(self) -> tuple[EtcConflict, ...]:
        """Where the new defaults meet what is local in the /etc that libostree will merge into them."""
        where = self._place
        return activation.meet_local_etc(where.locked, where.stateroot, where.staged.root / "usr/etc")

    def _commit(self, local: LocalCommit, packages: set[Package]) -> Tree:
        where = self._place
        ledger.keep_files(self._ledger, sysroot.work_folder(where.locked))
        content = seal.Content(local, packages, self._ledger.advisories)
        sealed = seal.seal(self._piece.graft, where.locked, where.commit, content, self._settings)
        self._words = sealed.words
        return Tree(sealed.checksum, self._origin(is_local=True), sealed.lean, where.staged.folder)

    @property
    def _is_another(self) -> bool:
        """Whether the tree is another one, or followed in another way, than that of the start."""
        where, start = self._place, self._place.start
        here = (start.get_csum(), start.get_osname(), origin.here(start, where.commit))
        return where.destination is not None and (where.commit, where.stateroot, where.destination) != here

    def _exact(self) -> Tree:
        self._told = self._meet_local_etc(), ()
        self._piece.unmount(labelled=False)
        is_local = ledger.is_local(self._store, self._place.commit)
        return activation.tree_of(
            self._store, self._place.commit, self._origin(is_local=is_local), self._place.staged.folder
        )

    def _origin(self, *, is_local: bool) -> GLib.KeyFile:
        return origin.of_tree(self._place.start, self._place.destination, self._words.layer, is_local=is_local)

    @property
    def _local_etc(self) -> Path:
        merge = activation.merge_of(self._place.locked, self._place.stateroot)
        return merge / "etc" if merge else self._place.staged.lower / "usr/etc"

    @property
    def _previous(self) -> GLib.Variant:
        return repo.load_commit(self._store, self._place.commit)

    @property
    def _store(self) -> OSTree.Repo:
        return sysroot.repository(self._place.locked)
