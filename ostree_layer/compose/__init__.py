# SPDX-License-Identifier: GPL-2.0-or-later
"""Composing a tree: what a treefile describes becomes a commit, by the road that a transaction on a host takes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ostree_layer import checkout, commit, dnf_base, host, layout, modes, notices, repo, rpmdb, staging
from ostree_layer.compose import customs, ids, inputs, layers, record, versions
from ostree_layer.compose.composed import Composed
from ostree_layer.compose.order import Base, Layer, Order, Outcome
from ostree_layer.compose.selection import Selection
from ostree_layer.compose.workshop import Workshop
from ostree_layer.errors import ComposeError
from ostree_layer.failpoint import failpoint
from ostree_layer.layout import initramfs, machine, rpm_home
from ostree_layer.layout.kernel import Wishes
from ostree_layer.ostree_gi import OSTree
from ostree_layer.process import EPOCH
from ostree_layer.report import Report
from ostree_layer.treefile import Treefile
from ostree_layer.workpiece import Workpiece


@dataclasses.dataclass(frozen=True)
class Composer:
    """What composes trees for one target repository, one after another; `announce` is told the ref of each."""

    workshop: Workshop
    selection: Selection
    announce: Callable[[str], None]
    report: Report
    target: OSTree.Repo

    def __call__(self, tree: Treefile, base: Base, ref: str, previous: str | None, order: Order) -> Outcome:
        """Compose a tree on a base, in the workshop; the target repository is only read."""
        self.announce(ref)
        with contextlib.ExitStack() as resources:
            resources.enter_context(modes.usual())
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
        self._epoch = host.source_date_epoch(os.environ)
        self._time = int(time.time()) if self._epoch is None else self._epoch
        self._version = self._next_version()
        self._then = None if previous is None else ids.of_commit(by.target, previous)
        self._checksum = ""

    def _next_version(self) -> str:
        told = {**self._tree["add-commit-metadata"], **self._order.metadata}
        if "version" in told:
            return str(told["version"])
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
        self._inputs = inputs.digest(self._tree, self._base.contents, self._coming)
        epoch = resources.enter_context(_epoch(selection.newest_build()))
        accounts = ids.known(self._tree, self._then)
        self._piece = Workpiece(self._staged, self._former(epoch), accounts, mounted)
        failpoint("compose::staged")

    def _former(self, epoch: int) -> layout.Former:
        former = layout.remember(self._staged.root, epoch, "", named=False)
        # A host that is installed with the tree has its accounts from the start.
        groups = tuple(self._tree["etc-group-members"])
        former = former._replace(keeps_accounts=True, keeps_groups=groups)
        if self._base.is_tree:
            return former
        identity = {customs.MACHINE_ID: machine.EMPTY} if self._tree["machineid-compat"] else {}
        return former._replace(accounts=None, identity=identity)

    def install(self) -> None:
        """Let DNF install what is not there yet."""
        selection = self._by.selection
        self._piece.cage_rpm(network=False)
        advisories = tuple(notices.of(selection.packages()))
        self._step = selection.run()
        packages = rpmdb.installed_packages(self._staged.root, rpm_home.DATABASE)
        former = None if self._previous is None else checkout.require_packages(self._by.target, self._previous)
        base = self._base.checksum if self._base.is_tree else ""
        repositories = tuple(selection.repositories())
        coming = tuple(self._coming)
        layered = tuple((layer.ref, layer.checksum) for layer in self._base.layers)
        parts = (self._version, packages, former, self._inputs, repositories, coming, base, advisories, layered)
        has_kept_ids = self._then is not None and self._tree["preserve-passwd"]
        self._composed = Composed(*parts, epoch=self._epoch, has_kept_ids=has_kept_ids)
        failpoint("compose::installed")

    def customise(self) -> None:
        """Do what else the treefile wants."""
        left = customs.read(self._base.left)
        left = dataclasses.replace(left, version=self._version, base_version=self._base.version)
        root, found = Path("/"), self._layers()

        def work() -> None:
            for layer, folder in found:
                layers.add(root, folder, layer.ref, wins=layer.wins)
                shutil.rmtree(folder)
            customs.follow(root, left, self._by.report)

        self._piece.customise(work)
        failpoint("compose::customised")

    def _layers(self) -> list[tuple[Layer, Path]]:
        """Each layer, and where in the staged root its files are; /run is nothing of the tree's."""
        if not self._base.layers:
            return []
        # A scriptlet may have left links with names that it could guess.
        folder = Path(tempfile.mkdtemp(prefix="layers-", dir=self._staged.root / "run"))
        places = [(layer, folder / str(number)) for number, layer in enumerate(self._base.layers)]
        for layer, place in places:
            checkout.tree(self._by.workshop.store, layer.checksum, place)
        return [(layer, Path("/", place.relative_to(self._staged.root))) for layer, place in places]

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
            below = repo.metadata(repo.load_commit(store, self._base.checksum))
            values = record.render(composed, tree, below, self._order.metadata)
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
