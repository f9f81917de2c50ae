# SPDX-License-Identifier: GPL-2.0-or-later
"""How much goes over the wire when one package of a published tree changes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests import servers, stores
from tests.stores import Place
from tests.sysroots import REF, Host, ostree
from tests.toys import Toy

NAME = "toy/1/mine"
FILES = 20
# Of the kind that programs are: half of it can be compressed.
HALF = 50_000


def release(version: str) -> Toy:
    """A package of 2 MB in 20 files."""
    contents = {f"/usr/lib/released/{n}": os.urandom(HALF) + f"{version} {n}\n".encode() * 8_000 for n in range(FILES)}
    return Toy("released", version, contents)


class Hosting:
    """A store that a host publishes to, and a client that has the base."""

    def __init__(self, host: Host) -> None:
        self._host, self._place = host, Place(host.folder, host.sysroot / "ostree/repo")
        self._place.host()
        self._place.done("publish", REF, os.fspath(self._place.store), f"--repo={host.sysroot}/ostree/repo")
        host.offer(release("1"))

    def install(self) -> tuple[float, float]:
        """A new package: what a client moves, and how large the delta is, in compressed changed files."""
        self._host.done("install", "released")
        return self._published()

    def upgrade(self) -> tuple[float, float]:
        """The same when the package is upgraded."""
        self._host.offer(release("2"))
        self._host.done("upgrade", "released")
        return self._published()

    def _published(self) -> tuple[float, float]:
        self._place.publish_from(self._host, f"--name={NAME}")
        base, commit = (ostree("rev-parse", self._place.repo, name).strip() for name in (f"{NAME}^", NAME))
        changed = self._changed(base)
        return self._moved(base) / changed, self._delta(base, commit) / changed

    def _moved(self, base: str) -> int:
        with servers.serving(self._place.store) as server, tempfile.TemporaryDirectory(dir=self._host.folder) as folder:
            where = stores.client(Path(folder), server.url)
            stores.pull(where, base)
            server.asked.clear()
            # As dnf pulls with a libostree that fetches objects beside the delta.
            stores.pull(where, NAME, "--disable-static-deltas")
            answers = [self._place.store / path.lstrip("/") for path in server.asked]
        return sum(path.stat().st_size for path in answers if path.is_file())

    def _delta(self, base: str, commit: str) -> int:
        ostree("static-delta", "show", self._place.repo, f"{base}-{commit}")
        newest = max((self._place.store / "deltas").glob("*/*"), key=lambda path: path.stat().st_mtime)
        return sum(path.stat().st_size for path in newest.iterdir())

    def _changed(self, base: str) -> int:
        """The size of the files that the new tree has and the base has not, as the store compresses them."""
        sizes = [self._files(commit) for commit in (base, NAME)]
        return sum(os.path.getsize(path) for path in sizes[1] - sizes[0])

    def _files(self, commit: str) -> set[Path]:
        rows = (line.split() for line in ostree("ls", self._place.repo, "-R", "-C", commit).splitlines())
        names = {row[4] for row in rows if row[0].startswith("-")}
        return {self._place.store / "objects" / name[:2] / f"{name[2:]}.filez" for name in names}


def rows(host: Host) -> list[tuple[str, str, float]]:
    measured = Hosting(host)
    new, upgraded = measured.install(), measured.upgrade()
    return [
        ("(m) one new package, in its changed files", "1.2", new[0]),
        ("    its static delta alone", "", new[1]),
        ("(n) one upgraded package, in its changed files", "1.2", upgraded[0]),
        ("    its static delta alone", "1.2", upgraded[1]),
    ]
