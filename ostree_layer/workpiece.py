# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree in the making: what is common to a transaction on a host and to a compose."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Callable

from ostree_layer import cage, caged_rpm, graft, labels, layout, relabel, upper
from ostree_layer.account_files import Accounts
from ostree_layer.layout import kernel
from ostree_layer.layout.ids import Ids
from ostree_layer.layout.kernel import Wishes
from ostree_layer.layout.record import Record, Watch
from ostree_layer.model import Package
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report
from ostree_layer.staged_root import StagedRoot


class Workpiece:
    """A staged root that is mounted, until what was written in it is in a repository.

    `accounts` has the names whose ids new users and groups of the same name get; when `mounted` is closed, the staged
    root is not mounted any more.
    """

    def __init__(
        self, staged: StagedRoot, former: layout.Former, accounts: Accounts, mounted: contextlib.ExitStack
    ) -> None:
        self.staged = staged
        self._former, self._accounts, self._mounted = former, accounts, mounted
        self._watch = Watch(staged.var, staged.root / "etc")
        self._ids = Ids({}, {})
        self._labels = labels.Labels()

    def cage_rpm(self, *, network: bool) -> None:
        """From now on DNF's RPM transactions run in a cage in the staged root, which is made ready for the first."""
        caged_rpm.use(self._watch, self._prepare, network=network)

    def _prepare(self) -> None:
        if self._watch.record is None:
            layout.prepare(self.staged.root, self._accounts)

    def customise(self, work: Callable[[], None]) -> None:
        """Do some more work in the staged root, caged and chrooted; what it makes in /var counts as scriptlets'."""
        if self._watch.record is None:
            cage.call(self.staged.root, self._prepare, is_inside=False)
            self._watch.start()
        self._watch.begins()
        cage.call(self.staged.root, work)
        self._watch.ended(Record.NOBODY)

    def normalise(
        self, installed: Iterable[Package], removed: Iterable[Package], wishes: Wishes, report: Report
    ) -> tuple[str, ...]:
        """Make what was written fit the rules of a tree, and return the paths of what was left out."""
        staged, record, root = self.staged, self._record(installed, removed), Path("/")
        changes = upper.changes(staged.upper, staged.lower)

        def work() -> layout.Normalised:
            kernel.normalise(root, changes, wishes, report)
            return layout.normalise(root, self._former, self._accounts, record)

        self._ids, left_out = cage.call(staged.root, work)
        return left_out

    def _record(self, installed: Iterable[Package], removed: Iterable[Package]) -> Record | None:
        if self._watch.record is None:
            return None
        came, went = ({package.name for package in some} for some in (installed, removed))
        return dataclasses.replace(self._watch.record, installed=frozenset(came), removed=frozenset(went))

    def unmount(self, *, labelled: bool = True) -> None:
        """Leave what was written in the upper alone, fit to be grafted, with the labels of the tree's policy."""
        if labelled:
            self._labels = labels.load(self.staged.root, self.staged.lower)
        self._mounted.close()
        layout.finish(self.staged.upper, self.staged.lower, self._ids)

    def graft(self, store: OSTree.Repo, base: str) -> OSTree.MutableTree:
        """The tree, made of the commit `base` and of what was written, which is used up."""
        tree = graft.graft(store, base, self.staged.upper, self._labels)
        relabel.relabel(store, tree, self._labels)
        return tree
