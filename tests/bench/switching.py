# SPDX-License-Identifier: GPL-2.0-or-later
"""How long it takes to go to another tree that is here already, and back, without requests and with three."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ostree_layer import repo
from tests.lab.host import graft_onto
from tests.sysroots import REF, Host, ostree
from tests.toys import Toy

REMOTE, OTHER = "server", "toy/1/other"
WANTED = [Toy(f"wanted{n}", files={f"/usr/share/wanted{n}/{i}": f"{i}\n" for i in range(3)}) for n in range(3)]


class Figures(NamedTuple):
    """Seconds, and how many objects of files were downloaded."""

    checkout: float
    rebase: float
    downloaded: float
    start: float
    plain: float
    switch: float


class Switching:
    """A host that goes to and fro between two trees of a server that has lost all but their names."""

    def __init__(self, host: Host, dnf: Callable[..., float]) -> None:
        self._host, self._dnf = host, dnf
        self._trees = itertools.cycle(f"{REMOTE}:{ref}" for ref in (OTHER, REF))
        server = host.folder / "server"
        self._publish(server)
        self.rebase()
        self.rebase()
        (server / "objects").rename(server / "lost")
        (server / "objects").mkdir()
        self._before, self._has_requests = self._objects(), False

    def _publish(self, server: Path) -> None:
        """Two trees that differ in a file, and a remote for them."""
        ostree("init", f"--repo={server}", "--mode=bare")
        ostree("pull-local", f"--repo={server}", f"{self._host.sysroot}/ostree/repo", REF)
        content = self._host.folder / "content"
        (content / "usr/share/other").mkdir(parents=True)
        (content / "usr/share/other/file").write_text("other\n")
        store = repo.open_repo(server)
        with repo.transaction(store):
            store.transaction_set_ref(None, OTHER, graft_onto(store, REF, content))
        ostree("remote", "add", "--no-gpg-verify", self._host.repo, REMOTE, f"file://{server}")

    def _objects(self) -> int:
        return sum(1 for _path in (self._host.sysroot / "ostree/repo/objects").glob("*/*.file"))

    def rebase(self) -> float:
        return self._dnf("rebase", next(self._trees))

    def downloaded(self) -> int:
        """The objects of files that all rebases since the first two have brought."""
        return self._objects() - self._before

    def switch(self) -> float:
        """To a tree that is not deployed as it was composed, so that a checkout is needed to work on."""
        if not self._has_requests:
            self._dnf("install", *(toy.name for toy in WANTED))
            self._dnf("system-switch", next(self._trees))
            self._has_requests = True
        return self._dnf("system-switch", next(self._trees))


def rows(one: Figures) -> list[tuple[str, str, float]]:
    """What was measured, its limit, and the figure."""
    three = one.plain - one.start
    return [
        ("    dnf rebase to a tree that is here, seconds", "", one.rebase),
        ("(k) the same, in checkouts", "1.4 at 100k", one.rebase / one.checkout),
        ("    objects of files that it downloads", "0", one.downloaded),
        ("    dnf system-switch, 3 requests, seconds", "", one.switch),
        ("    plain dnf installs these, seconds", "", three),
        ("(l) switch - rebase - these, in checkouts", "1.0 at 100k", (one.switch - one.rebase - three) / one.checkout),
    ]
