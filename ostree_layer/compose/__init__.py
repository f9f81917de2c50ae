# SPDX-License-Identifier: GPL-2.0-or-later
"""Composing a tree: what a treefile describes becomes a commit, by the road that a transaction on a host takes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import account_files, commit, dnf_base, host, layout, ledger, repo, rpmdb, staging
from ostree_layer.compose import customs, ids, inputs, record, versions
from ostree_layer.compose.composed import Composed
from ostree_layer.compose.order import Base, Order, Outcome
from ostree_layer.compose.selection import Selection
from ostree_layer.compose.workshop import Workshop, usual_modes
from ostree_layer.errors import ComposeError
from ostree_layer.failpoint import failpoint
from ostree_layer.layout import initramfs, machine, rpm_home
from ostree_layer.layout.kernel import Report, Wishes
from ostree_layer.ostree_gi import OSTree
from ostree_layer.process import EPOCH
from ostree_layer.treefile import Treefile
from ostree_layer.workpiece import Workpiece

NOBODY = account_files.Accounts({}, {})


@dataclasses.dataclass(frozen=True)
class Composer:
    """What composes trees for one target repository, one after another."""

    workshop: Workshop
    target: OSTree.Repo
    selection: Selection
    report: Report

    def make(self, tree: Treefile, base: Base, ref: str, previous: str | None, order: Order) -> Outcome:
        """Compose a tree on a base, in the workshop; the target repository is only read."""
        with contextlib.ExitStack() as resources:
            resources.enter_context(usual_modes())
            making = _Making(self, tree, base, ref, previous, order)
            making.stage(resources)
            making.install()
            making.customise()
            making.normalise()
            making.commit()
            making.check()
        return making.outcome()


class _Making:
    """One tree on its way to a commit."""

    def __init__(self, by: Composer, tree: Treefile, base: Base, ref: str, previous: str | None, order: Order) -> None:
        self._by, self._tree, self._base, self._ref, self._order = by, tree, base, ref, order
        self._previous = previous if order.has_parent else None
        self._time = _now()
        self._version = self._next_version()
        self._then = None if previous is None else ids.of_commit(by.target, previous)
        self._checksum = ""

    def _next_version(self) -> str:
        if "version" in self._order.metadata:
            return str(self._order.metadata["version"])
        prefix = self._tree["automatic-version-prefix"]
        last = repo.version(repo.load_commit(self._by.target, self._previous)) if self._previous else ""
        suffix = self._tree["automatic-version-suffix"]
        return versions.next_version(prefix, suffix, last, self._time) if prefix else ""

    def stage(self, resources: contextlib.ExitStack) -> None:
        """Mount a staged root over the base, and let DNF see what the treefile wants in it."""
        lower = self._by.workshop.lower(self._base.checksum)
        self._staged = resources.enter_context(staging.staged_root(self._by.workshop.folder, lower))
        mounted = resources.enter_context(contextlib.ExitStack())
        mounted.enter_context(staging.mounted(self._staged))
        dnf_base.lend_dbpath_to_children(self._staged.folder, rpm_home.DATABASE, mounted)
        selection, order = self._by.selection, self._order
        resources.enter_context(
            selection.of(self._base.left, self._staged.root, order.locks, is_strict=order.is_strict)
        )
        self._coming = selection.coming()
        self._inputs = inputs.digest(self._tree, self._base.content, self._coming)
        epoch = resources.enter_context(_epoch(selection.newest_build()))
        accounts = self._then if self._tree["preserve-passwd"] and self._then else NOBODY
        self._piece = Workpiece(self._staged, self._former(epoch), accounts, mounted)
        failpoint("compose::staged")

    def _former(self, epoch: int) -> layout.Former:
        former = layout.remember(self._staged.root, epoch, "", named=False)
        # A host that is installed with the tree has its accounts from the start.
        former = former._replace(keeps_accounts=True)
        if self._base.is_tree:
            return former
        identity = {customs.MACHINE_ID: machine.EMPTY} if self._tree["machineid-compat"] else {}
        return former._replace(accounts=None, identity=identity)

    def install(self) -> None:
        """Let DNF install what is not there yet."""
        selection = self._by.selection
        self._piece.cage_rpm(network=False)
        self._step = selection.run()
        packages = rpmdb.installed_packages(self._staged.root, rpm_home.DATABASE)
        former = None if self._previous is None else ledger.packages_of(self._by.target, self._previous)
        base = self._base.checksum if self._base.is_tree else ""
        repositories = tuple(selection.repositories())
        self._composed = Composed(self._version, packages, former, self._inputs, repositories, base)
        failpoint("compose::installed")

    def customise(self) -> None:
        """Do what else the treefile wants."""
        left = customs.read(self._base.left)
        left = dataclasses.replace(left, version=self._version, base_version=self._base.version)
        self._piece.customise(lambda: customs.follow(Path("/"), left, self._by.report))
        failpoint("compose::customised")

    def normalise(self) -> None:
        """Make what was written fit the rules of a tree, and leave it in the upper alone."""
        tree, root = self._tree, self._staged.root
        in_boot = tree["boot-location"] == "new"
        wishes = Wishes(tree["initramfs-args"], not tree["no-initramfs"], in_boot)
        self._piece.normalise(self._step.installed, self._step.removed, wishes, self._by.report)
        if not tree["container"] and not any((root / initramfs.MODULES).glob("*/vmlinuz")):
            hint = "name a package that has one, or say container: true"
            raise ComposeError(f"the tree of {tree.path} has no kernel, and no host could boot it", hint=hint)
        self._piece.unmount(labelled=tree["selinux"])
        failpoint("compose::normalised")

    def commit(self) -> None:
        """Write the tree and its commit into the workshop's repository."""
        store, tree, composed = self._by.workshop.store, self._tree, self._composed
        with self._by.report("Writing the tree"), commit.writing(store):
            whole = self._piece.graft(store, self._base.checksum)
            values = record.render(composed, tree, self._order.metadata)
            self._checksum = record.write(store, whole, values, self._previous, self._time)
        record.complete(store, self._checksum, composed, tree)
        failpoint("compose::committed")

    def check(self) -> None:
        """Refuse a tree whose users and groups do not fit those that were there."""
        ids.require_kept(self._tree, self._then, ids.of_commit(self._by.workshop.store, self._checksum))

    def outcome(self) -> Outcome:
        content = repo.content_of(repo.load_commit(self._by.workshop.store, self._checksum))
        parts = (self._checksum, content, self._version, self._previous)
        coming = (*self._base.coming, *self._coming)
        return Outcome(self._tree, self._ref, *parts, is_new=True, coming=coming, composed=self._composed)


def _now() -> int:
    """The time of a commit: what the user says, or now."""
    epoch = host.source_date_epoch(os.environ)
    return int(time.time()) if epoch is None else epoch


@contextlib.contextmanager
def _epoch(otherwise: int) -> Iterator[int]:
    """For the body, a time for all that is made, which does not depend on when it is made."""
    own = os.environ.get(EPOCH)
    epoch = host.source_date_epoch(os.environ)
    os.environ[EPOCH] = str(otherwise if epoch is None else epoch)
    try:
        yield int(os.environ[EPOCH])
    finally:
        if own is None:
            del os.environ[EPOCH]
        else:
            os.environ[EPOCH] = own
