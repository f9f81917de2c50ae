# SPDX-License-Identifier: GPL-2.0-or-later
"""A server of composed trees of real packages, and hosts that follow it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.lab import family, host
from tests.lab.family import MINIMAL, SERVER
from tests.lab.host import SoftHost, Source
from tests.sysroots import ostree

REMOTE = "trees"
INSIDE = Path("/run/media", REMOTE)


class Server:
    """A folder as hosts see it, with a repository of trees that have this checkout in them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._repo = folder, folder / "repo"
        composed = family.composed()
        ostree("init", f"--repo={self._repo}", "--mode=bare")
        where = f"--repo={self._repo}"
        shutil.copytree(composed / "rpms", folder / "rpms")
        ostree("pull-local", where, os.fspath(composed / "repo"))
        host.install_into(self._repo, *(name for name in ostree("refs", where).split() if name[0].isdigit()))

    def publish(self, version: str, ref: str) -> None:
        """Let the ref lead to a version of its tree."""
        ostree("refs", f"--repo={self._repo}", "--force", f"--create={ref}", self.commit(f"{version}/{ref}"))

    def commit(self, ref: str) -> str:
        """The commit that the ref leads to."""
        return ostree("rev-parse", f"--repo={self._repo}", ref).strip()

    def reset(self) -> None:
        """Offer the first version of each tree."""
        if self._lost.exists():
            self._objects.rmdir()
            self._lost.rename(self._objects)
        for ref in (MINIMAL, SERVER):
            self.publish("1", ref)

    def lose_objects(self) -> None:
        """Keep the names of trees, and nothing else."""
        self._objects.rename(self._lost)
        self._objects.mkdir()

    @property
    def _objects(self) -> Path:
        return self._repo / "objects"

    @property
    def _lost(self) -> Path:
        return self._repo / "lost"

    def host(self, folder: Path) -> SoftHost:
        """A host that has booted the first version of the minimal tree, and follows it."""
        made = SoftHost(folder, self.folder)
        host.follow(made.sysroot, Source(REMOTE, f"file://{INSIDE}/repo", MINIMAL, self._repo), self.commit(MINIMAL))
        made.boot()
        return made
