# SPDX-License-Identifier: GPL-2.0-or-later
"""Going to a composed tree exactly as it is, without what the user asked for."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ostree_layer import (
    activation,
    checkout,
    deploy,
    diff,
    imports,
    ledger,
    origin,
    requests,
    signals,
    staging,
    sysroot,
)
from ostree_layer.destination import Finder, Terms
from ostree_layer.downloads import Progress
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Deployed, Destination, EtcConflict, Package, Settings, Target
from ostree_layer.move_words import counted, tree
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report


@dataclasses.dataclass(frozen=True)
class Wish:
    """The tree that the user names, what it has to be, and the stateroot to deploy it into, if it is another one."""

    word: str
    terms: Terms = Terms()
    from_booted: bool = False
    into: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A tree that is here now, and what it means to go to it; it holds as long as the sysroot is locked."""

    target: Target
    locked: OSTree.Sysroot
    stateroot: str
    start: OSTree.Deployment
    destination: Destination

    def __bool__(self) -> bool:
        """Whether the tree is another one, or followed in another way, than that of the start."""
        is_same = self.start.get_csum() == self.destination.checksum and self.start.get_osname() == self.stateroot
        return not is_same or origin.here(self.start, self.destination.checksum) != self.destination

    def lines(self, *, in_full: bool = False) -> Iterator[str]:
        """What it means, with all packages that change if that is asked for."""
        store = sysroot.repository(self.locked)
        former, now = (self._packages(store, name) for name in (self.start.get_csum(), self.destination.checksum))
        yield "Tree:"
        yield f"  {tree(store, self.destination)}"
        difference = diff.compare(former, now)
        yield f"  {counted(difference)}"
        yield from (f"  {line}" for line in diff.render(difference) if in_full)
        asked = set(requests.entries(imports.asked(store, self.start)))
        left = asked - set(ledger.entries_of(store, self.destination.checksum))
        if left:
            names = ", ".join(sorted(requests.shown(entry) for entry in left))
            yield f"Not taken along, as 'dnf system-switch' would: {names}"

    @staticmethod
    def _packages(store: OSTree.Repo, checksum: str) -> tuple[Package, ...]:
        return checkout.packages(store, checksum) or ()

    def carry_out(self, settings: Settings, command: str, report: Report) -> Deployed:
        """Deploy the tree, by a command of the user's."""
        store, checksum = sysroot.repository(self.locked), self.destination.checksum
        site = activation.Site(self.target, self.locked, self.stateroot, self.start, command)
        work = sysroot.work_folder(self.locked)
        staging.sweep(work)
        with staging.temporary(work) as folder, report("Deploying it"), signals.held_off():
            keyfile = origin.of_tree(self.start, self.destination, is_local=ledger.is_local(store, checksum))
            conflicts = self._meet_local_etc(store, folder / "etc")
            whole = activation.tree_of(store, checksum, keyfile, folder)
            failpoint("rebase::chosen")
            deployed = activation.activate(site, whole, settings, (conflicts, (), ()))
        deploy.clean_up_later(self.target, settings.history)
        return deployed

    def _meet_local_etc(self, store: OSTree.Repo, defaults: Path) -> tuple[EtcConflict, ...]:
        checkout.tree(store, self.destination.checksum, defaults, "/usr/etc")
        return activation.meet_local_etc(self.locked, self.stateroot, defaults)


@contextlib.contextmanager
def planned(target: Target, wish: Wish, progress: Callable[[], AbstractContextManager[Progress]]) -> Iterator[Plan]:
    """Find the tree and pull it; for the body, plan to deploy it."""
    with sysroot.changing(target) as locked:
        sysroot.require_nothing_staged(locked, from_booted=wish.from_booted)
        stateroot = sysroot.require_stateroot(locked, target.stateroot)
        if wish.into:
            sysroot.require_existing(locked, wish.into)
        start = sysroot.base_deployment(locked, stateroot, from_booted=wish.from_booted)
        store = sysroot.repository(locked)
        with progress() as tell:
            finder = Finder(store, start, tell, wish.terms)
            found = finder.bring(finder.find(wish.word))
        yield Plan(target, locked, wish.into or stateroot, start, found)
