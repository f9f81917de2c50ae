# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run means for the tree, for DNF to mark, and for the user to read before he says yes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from ostree_layer import (
    by_hand_words,
    checkout,
    comparison,
    diff,
    dnf_base,
    imports,
    ledger,
    local_rpms,
    origin,
    requests,
    solver,
    sysroot,
)
from ostree_layer.contents import Contents
from ostree_layer.deploy import Tree
from ostree_layer.errors import HostError
from ostree_layer.model import Outcome, PackageDiff, Requests, Settings
from ostree_layer.move_words import base_changes, destination, kept_back, preview
from ostree_layer.place import Place
from ostree_layer.replay import Replay
from ostree_layer.requests import shown

# What the two trees cannot have in common.
BOOKS = ("/usr/lib/sysimage", "/usr/share/rpm")


class Move:
    """A run of DNF in a staged root, which may stand on another tree than the host's.

    `forgotten` are requests that are not wanted any more.
    """

    def __init__(self, base: Any, place: Place, settings: Settings, forgotten: tuple[str, ...]) -> None:
        self.base, self.place, self.settings, self._forgotten = base, place, settings, forgotten
        self._store = sysroot.repository(place.locked)
        refspec = origin.refspec(place.start)
        self.lineage = ledger.read_lineage(self._store, place.start.get_csum(), refspec, place.destination)
        self.outcome: Outcome | None = None

    @property
    def is_going(self) -> bool:
        """Whether it leads to another tree, so that there is something to deploy without any package."""
        return self.place.destination is not None

    def opening(self) -> Iterator[str]:
        """What is to be said of where the run starts."""
        start = self.place.start
        if self.place.starts_elsewhere:
            yield f"Adding to deployment {start.get_csum()[:12]}, which has not been booted yet."
        if not self.is_going and imports.is_foreign(self._store, start):
            yield "rpm-ostree has layered packages on this tree; 'dnf system-import' takes them over."

    def require_same_release(self, release: str) -> None:
        """HostError where the repositories were set up for another release than that of the tree to add to."""
        found = dnf_base.releasever(self.place.staged.root)
        if found not in (None, release):
            hint = f"add --releasever={found}"
            raise HostError(f"the deployment to add to is of release {found}, the booted one of {release}", hint=hint)

    def start_anew(self) -> None:
        """Let nothing be asked for but what this run asks for."""
        self.lineage = dataclasses.replace(self.lineage, requests=Requests())

    def mark(self, original: Callable[[], object], *, erasing: bool, skip_broken: bool) -> Iterator[str]:
        """Put to DNF what belongs into the transaction, `original` being what its command does; say what does not."""
        wanted, only_tree = self.lineage.requests, self.settings.upgrade == "tree"
        there = self.place.destination
        if there is not None:
            wanted = wanted if there.requests is None else there.requests
            requests.require_known(wanted, self._forgotten)
            wanted = requests.without(wanted, self._forgotten)
            self.lineage = dataclasses.replace(self.lineage, requests=wanted)
            self.outcome = self._replay(wanted, tuple).mark(allow_erasing=erasing, skip_broken=skip_broken)
        elif wanted.parked:
            replay = self._replay(Requests(parked=wanted.parked), tuple if only_tree else original)
            outcome = replay.mark(allow_erasing=False, skip_broken=True)
            self.outcome = dataclasses.replace(outcome, inactive=(*wanted.inactive, *outcome.inactive))
        elif not only_tree:
            original()
        yield from kept_back(self.outcome or Outcome())

    def _replay(self, wanted: Requests, first: Callable[[], object]) -> Replay:
        files = sysroot.work_folder(self.place.locked) / local_rpms.FOLDER
        return Replay(self.base, wanted, self.lineage.former_base_packages, files, first)

    def sack_is_filled(self, named: list[str]) -> None:
        """DNF knows the packages: HostError if it has not found the tree's.

        If that is the policy, the solver may change no package of the base that is not named.
        """
        if not dnf_base.has_installed_packages(self.base):
            raise HostError("the rpm database of the tree cannot be read, or is empty")
        if self.settings.base == "keep":
            lineage = self.lineage
            wanted = [shown(entry) for entry in requests.entries(lineage.requests) if entry.startswith("replaced:")]
            solver.keep(self.base, lineage.base_packages, [*named, *wanted])

    def show_below_table(self) -> None:
        """Let DNF's table of packages be followed by what they make of the tree."""
        original = self.base.output.list_transaction

        def list_transaction(*args: Any, **kwargs: Any) -> str:
            table = original(*args, **kwargs)
            return "\n".join([table, *self.lines()]) if table else ""

        self.base.output.list_transaction = list_transaction

    def lines(self) -> Iterator[str]:
        """What the transaction, now resolved, makes of the tree."""
        lineage, before = self.lineage, set(self.lineage.packages)
        step = dnf_base.step_of(self.base)
        now = (before - set(step.removed)) | set(step.installed)
        if self.place.destination is not None:
            yield from destination(self._store, self.place.destination, lineage.former_packages, now)
            commits = (self.place.start.get_csum(), self.place.destination.checksum)
            left = list(by_hand_words.left_behind(*(ledger.read_by_hand(self._store, name) for name in commits)))
            yield from [*left, ""] if left else ()
        yield from base_changes(lineage.base_packages, before, now)

    def preview(self, tree: Tree, *, in_full: bool) -> Iterator[str]:
        """How the tree that was written differs from the host's."""
        former, now = self.lineage.former_packages, checkout.require_packages(self._store, tree.checksum)
        start = self.place.start.get_csum()
        about = comparison.compare(self._store, start, tree.checksum, PackageDiff()).advisories
        yield from preview(diff.compare(former, now), about, in_full=in_full)

    def difference(self, tree: Tree) -> Iterator[str]:
        """How a tree that was made again from the same base differs from the host's, in what packages do not say."""
        where = self.place
        former = where.start.get_csum()
        if where.destination is None or where.destination.checksum != ledger.read_base(self._store, former):
            return
        contents = (Contents(self._store, checksum) for checksum in (former, tree.checksum))
        found = [change for change in comparison.compare_files(*contents) if not change.path.startswith(BOOKS)]
        said = "are the same" if not found else f"differ in {len(found)} path{'s' if len(found) != 1 else ''}"
        hint = f": 'dnf tree diff --files {former[:12]} {tree.checksum[:12]}' has them" if found else ""
        yield f"Besides the databases of packages, the files of both trees {said}{hint}."
