# SPDX-License-Identifier: GPL-2.0-or-later
"""One DNF run on its way to a deployment: lock, base, stage, let DNF run, normalise, commit, deploy."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ostree_layer import (
    account_files,
    boot,
    commit,
    database,
    deploy,
    dnf_base,
    etc,
    host,
    journal,
    layout,
    lean,
    ledger,
    looking,
    metadata,
    misfits,
    mounts,
    origin,
    repo,
    signals,
    staging,
    sysroot,
)
from ostree_layer.deploy import Tree
from ostree_layer.errors import TransactionFailed
from ostree_layer.failpoint import failpoint
from ostree_layer.layout.kernel import Report, Wishes
from ostree_layer.looking import HISTORY
from ostree_layer.model import Deployed, EtcConflict, LocalCommit, Package, Settings, Target, Transaction
from ostree_layer.ostree_gi import GLib, OSTree
from ostree_layer.workpiece import Workpiece


@dataclasses.dataclass(frozen=True)
class Place:
    """What a run has locked, what it starts from, and the staged root made of it."""

    target: Target
    locked: OSTree.Sysroot
    stateroot: str
    start: OSTree.Deployment
    staged: staging.StagedRoot

    @property
    def starts_elsewhere(self) -> bool:
        """Whether the run adds to a deployment that is not the booted one."""
        booted = sysroot.find_booted(self.locked)
        return booted is not None and not booted.equal(self.start)


@contextlib.contextmanager
def place(target: Target, *, from_booted: bool) -> Iterator[Place]:
    """Lock the sysroot, choose the deployment to start from, and make the folders of a staged root over it."""
    mounts.enter_private_namespace()
    signals.end_by_exit()
    with sysroot.locked(target) as locked:
        failpoint("layering::locked")
        stateroot = sysroot.require_stateroot(locked, target.stateroot)
        start = sysroot.base_deployment(locked, stateroot, from_booted=from_booted)
        work = sysroot.work_folder(locked)
        staging.sweep(work)
        with staging.staged_root(work, sysroot.deployment_path(locked, start)) as staged:
            yield Place(target, locked, stateroot, start, staged)


def stage(base: Any, where: Place, settings: Settings, dbpath: str | None, resources: contextlib.ExitStack) -> Layering:
    """Mount the staged root and let DNF see it instead of the host; `dbpath` is what `looking.look` returned."""
    staged = where.staged
    os.umask(0o022)  # what DNF and we write belongs to the tree, whoever started this
    mounted = resources.enter_context(contextlib.ExitStack())
    mounted.enter_context(staging.mounted(staged))
    dbpath = dnf_base.use_rpmdb_of(staged.lower) or dbpath
    if dbpath is not None:
        dnf_base.lend_dbpath_to_children(staged.folder, dbpath, mounted)
    if host.source_date_epoch(os.environ) is not None:
        dnf_base.sort_transactions(base)
    elif not (staged.root / HISTORY).exists():  # it is this machine's: no other one would make the same root with it
        shared = sysroot.var_path(where.locked, where.stateroot)
        database.copy_history(looking.history_of(staged.root, shared), (staged.root / HISTORY).parent)
    dnf_base.work_in(base, staged.root)
    failpoint("layering::staged")
    return Layering(base, where, settings, mounted)


class Layering:
    """DNF at work in a staged root, until what it did is deployed; when its mounts are closed it is gone instead.

    A run may have several RPM transactions (`dnf shell`).
    """

    def __init__(self, base: Any, where: Place, settings: Settings, mounted: contextlib.ExitStack) -> None:
        root = where.staged.root
        self._base, self._settings, self._place = base, settings, where
        self._first = database.last_transaction(root / HISTORY)
        self._ledger = ledger.Ledger.begin(base, root)
        version = repo.version(self._previous)
        former = layout.remember(root, host.source_date_epoch(os.environ), version, named=settings.os_release)
        accounts = account_files.read(self._merge / "etc")  # whose /etc will be merged into the new one
        self._piece = Workpiece(where.staged, former, accounts, mounted)
        self._piece.cage_rpm(network=settings.scriptlets_network)
        self._is_running = self._has_failed = False
        self._left_out: tuple[str, ...] = ()
        self._etc_conflicts: tuple[EtcConflict, ...] = ()

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

    @property
    def _entries(self) -> tuple[int, ...]:
        """The ids of the entries that this run has made in DNF's history."""
        return tuple(range(self._first + 1, database.last_transaction(self._place.staged.root / HISTORY) + 1))

    def finish(self, made_by: Transaction, report: Report) -> Deployed | None:
        """Deploy what DNF did; None if that was nothing."""
        if self._is_running or self._has_failed:
            raise TransactionFailed("a transaction of this session failed, so none of it is deployed")
        if not self.is_changed:
            return None
        local, packages = self._close_books(made_by)
        self._normalise(report)
        with report("Writing the tree"):
            tree = self._commit(local, packages)
        with report("Deploying it"), signals.held_off():
            deployed = self._deploy(tree, local)
        deploy.clean_up_later(self._place.target)
        return deployed

    def _close_books(self, made_by: Transaction) -> tuple[LocalCommit, set[Package]]:
        start, root = self._place.start, self._place.staged.root
        lineage = ledger.read_lineage(self._store, start.get_csum(), origin.refspec(start))
        made_by = dataclasses.replace(made_by, history=self._entries)
        closed = ledger.close(self._ledger, self._base, root, lineage, made_by)
        dnf_base.close(self._base)
        return closed

    def _normalise(self, report: Report) -> None:
        """Make what was written fit the rules of a tree, and leave it in the upper alone."""
        wishes = Wishes(metadata.parse_initramfs_arguments(repo.metadata(self._previous)))
        self._left_out = self._piece.normalise(self._ledger.installed, self._ledger.removed, wishes, report)
        self._etc_conflicts = self._meet_local_etc()
        self._piece.unmount()
        failpoint("layering::normalised")

    def _meet_local_etc(self) -> tuple[EtcConflict, ...]:
        """Where the new defaults meet what is local in the /etc that libostree will merge into them."""
        old, mine, new = self._merge / "usr/etc", self._merge / "etc", self._place.staged.root / "usr/etc"
        local = etc.local_changes(old, mine)
        etc.require_mergeable(local, new, mine)
        return etc.conflicts(local, old, new, mine)

    def _commit(self, local: LocalCommit, packages: set[Package]) -> Tree:
        with commit.writing(self._store):
            tree = self._piece.graft(self._store, self._place.start.get_csum())
            failpoint("layering::grafted")
            checksum = commit.write(self._store, tree, local, packages, self._previous)
            lean_usr = lean.write(self._store, checksum)
        ledger.keep_files(self._ledger, sysroot.work_folder(self._place.locked))
        return Tree(checksum, origin.of_local_tree(self._place.start), lean_usr, self._place.staged.folder)

    def _deploy(self, tree: Tree, local: LocalCommit) -> Deployed:
        where, checksum = self._place, tree.checksum
        staged = where.target.is_booted_host and host.is_booted_with_systemd()
        version = repo.version(repo.load_commit(self._store, checksum))
        told = (self._etc_conflicts, self._left_out)
        deployed = Deployed(checksum, version, staged, where.target.sysroot, where.stateroot, *told)
        boot.require_space(where.locked, where.stateroot, checksum)
        commit.point_refs(self._store, where.stateroot, local, checksum)
        deploy.deploy(where.target, where.locked, where.stateroot, tree, staged=staged)
        journal.deployed(where.target, checksum, local.transaction.command)
        failpoint("layering::deployed")  # nothing may fail from here on: it would be told as if nothing had been done
        return deployed

    @property
    def _merge(self) -> Path:
        """The deployment whose /etc will be merged into the new one's defaults."""
        locked = self._place.locked
        return sysroot.deployment_path(locked, locked.get_merge_deployment(self._place.stateroot))

    @property
    def _previous(self) -> GLib.Variant:
        return repo.load_commit(self._store, self._place.start.get_csum())

    @property
    def _store(self) -> OSTree.Repo:
        return sysroot.repository(self._place.locked)
