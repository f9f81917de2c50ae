# SPDX-License-Identifier: GPL-2.0-or-later
"""One DNF run on its way to a deployment: lock, base, stage, let DNF run, normalise, commit, deploy."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from ostree_layer import cleaner, commit, database, deploy, dnf_base, graft, host, ledger, looking, mounts, origin, repo
from ostree_layer import signals, staging, sysroot
from ostree_layer.errors import TransactionFailed
from ostree_layer.failpoint import failpoint
from ostree_layer.layout import paths, var
from ostree_layer.looking import HISTORY
from ostree_layer.model import Deployed, LocalCommit, Package, Settings, Target, Transaction
from ostree_layer.ostree_gi import OSTree

Report = Callable[[str], "contextlib.AbstractContextManager[None]"]


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


class Layering:
    """DNF at work in a staged root. What was not finished is gone when the resources are closed.

    A run may have several RPM transactions (`dnf shell`); `_running` stays true after one that failed.
    """

    def __init__(self, base: Any, where: Place, settings: Settings, resources: contextlib.ExitStack) -> None:
        self._base, self._settings, self.place = base, settings, where
        self._resources = resources
        self._mounts = resources.enter_context(contextlib.ExitStack())
        self._ledger: ledger.Ledger | None = None
        self._var: var.State = {}
        self._running = self._spoiled = False
        self._transaction = 0

    def stage(self, dbpath: str | None) -> None:
        """Mount the staged root and let DNF see it instead of the host; `dbpath` is what `look` returned."""
        staged = self.place.staged
        self._mounts.enter_context(staging.mounted(staged))
        dbpath = dnf_base.use_rpmdb_of(staged.lower) or dbpath
        if dbpath is not None:
            dnf_base.lend_dbpath_to_children(staged.folder, dbpath, self._mounts)
        if not (staged.root / HISTORY).exists():
            shared = sysroot.var_path(self.place.locked, self.place.stateroot)
            database.copy_history(looking.history_of(staged.root, shared), (staged.root / HISTORY).parent)
        self._transaction = database.last_transaction(staged.root / HISTORY)
        dnf_base.work_in(self._base, staged.root)
        failpoint("layering::staged")

    def rpm_begins(self) -> None:
        """DNF is about to run an RPM transaction, or to write a change of groups or modules."""
        failpoint("layering::resolved")
        self._spoiled = self._spoiled or self._running
        self._running = True
        if self._ledger is None:
            self._ledger = ledger.Ledger.begin(self._base, self.place.staged.root)
            self._var = var.remember(self.place.staged.root)

    def rpm_ended(self, errors: list[str]) -> None:
        """DNF has run it without a failed package; `errors` are what scriptlets complained about."""
        if not self._running or self._ledger is None:
            return
        if errors and self._settings.strict_scriptlets:
            raise TransactionFailed(
                "; ".join(errors), hint="strict_scriptlets=0 in ostree.conf lets DNF go on after a failed scriptlet"
            )
        self._ledger.steps.append(dnf_base.step_of(self._base))
        self._running = False
        failpoint("layering::ran")

    @property
    def is_changed(self) -> bool:
        """Whether DNF changed anything; `mark` writes to the history only, and without a transaction."""
        return self._ledger is not None or database.last_transaction(self.place.staged.root / HISTORY) > self._transaction

    def finish(self, made_by: Transaction, report: Report) -> Deployed | None:
        """Deploy what DNF did; None if that was nothing."""
        if self._running or self._spoiled:
            raise TransactionFailed("a transaction of this session failed, so none of it is deployed")
        if not self.is_changed:
            return None
        local, packages = self._close_books(made_by)
        policy = self._normalise(local)
        with report("Writing the tree"):
            checksum = self._commit(local, packages, policy)
        with report("Deploying it"), signals.held_off():
            return self._deploy(checksum, local)

    def _close_books(self, made_by: Transaction) -> tuple[LocalCommit, set[Package]]:
        start, root = self.place.start, self.place.staged.root
        self._ledger = self._ledger or ledger.Ledger.begin(self._base, root)
        lineage = ledger.read_lineage(self._store, start.get_csum(), origin.refspec(start))
        closed = ledger.close(self._ledger, self._base, root, lineage, made_by)
        dnf_base.close(self._base)
        return closed

    def _normalise(self, local: LocalCommit) -> OSTree.SePolicy | None:
        """Make what was written fit the rules of a tree, and leave it in the upper alone."""
        staged = self.place.staged
        database.settle(staged.root / HISTORY)
        database.settle(staged.root / (database.find_rpmdb(staged.root) or "") / "rpmdb.sqlite")
        if self._ledger is not None:
            names = {package.name for package in self._ledger.installed}
            var.carry(staged.root, self._var, names, {package.name for package in self._ledger.removed})
        paths.drop_leftovers(staged.root)
        policy = commit.load_policy(staged.root)
        self._mounts.close()
        paths.check(staged.upper)
        failpoint("layering::normalised")
        return policy

    def _commit(self, local: LocalCommit, packages: set[Package], policy: OSTree.SePolicy | None) -> str:
        start = self.place.start.get_csum()
        previous = repo.load_commit(self._store, start)
        with commit.writing(self._store):
            tree = graft.graft(self._store, start, self.place.staged.upper, policy)
            failpoint("layering::grafted")
            checksum = commit.write(self._store, tree, local, packages, previous)
        if self._ledger is not None:
            ledger.keep_files(self._ledger, sysroot.work_folder(self.place.locked))
        return checksum

    def _deploy(self, checksum: str, local: LocalCommit) -> Deployed:
        where = self.place
        staged = where.target.is_booted_host and host.is_booted_with_systemd()
        commit.point_refs(self._store, where.stateroot, local, checksum)
        deploy.deploy(where.locked, where.stateroot, checksum, origin.of_local_tree(where.start), staged=staged)
        failpoint("layering::deployed")
        self._resources.callback(cleaner.start, where.target)
        version = repo.version(repo.load_commit(self._store, checksum))
        return Deployed(checksum, version, staged, where.target.sysroot, where.stateroot)

    @property
    def _store(self) -> OSTree.Repo:
        return sysroot.repository(self.place.locked)
