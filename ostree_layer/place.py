# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a run works: the sysroot, locked, the tree that it stands on, and the staged root over that."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ostree_layer import sysroot
from ostree_layer.model import Destination, Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.staged_root import StagedRoot


@dataclasses.dataclass(frozen=True)
class Place:
    """What a run has locked, what it starts from and where it goes, and the staged root made of that.

    `start` has the user's requests. Without a `destination` the run stands on its commit, and else on that one's.
    `release` lets others change the deployments again; what the staged root is made of stays.
    """

    target: Target
    locked: OSTree.Sysroot
    stateroot: str
    start: OSTree.Deployment
    destination: Destination | None
    staged: StagedRoot
    release: Callable[[], None]

    @property
    def starts_elsewhere(self) -> bool:
        """Whether the run adds to a deployment that is not the booted one."""
        booted = sysroot.find_booted(self.locked)
        return self.destination is None and booted is not None and not booted.equal(self.start)

    @property
    def commit(self) -> str:
        """The commit that the staged root stands on."""
        return self.destination.checksum if self.destination else str(self.start.get_csum())
