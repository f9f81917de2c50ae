# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores that are filled from composed trees, by the real commands."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests import keys, tree_repos
from tests.streams import BASE_REF
from tests.sysroots import Host, ostree


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder with a store in it, and the repository that trees are composed into."""

    folder: Path
    composed: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def repo(self) -> str:
        return f"--repo={self.store}"

    def tree(self, *arguments: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`dnf tree ARGUMENTS`; what is said besides is in stderr."""
        return tree_repos.tree(self.folder, *arguments, extra=extra)

    def done(self, *arguments: str) -> str:
        result = self.tree(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """Run what fails, and return the error."""
        result = self.tree(*arguments)
        assert result.returncode == 1 and "Traceback" not in result.stderr, result.stdout + result.stderr
        return result.stderr

    def host(self, *options: str) -> str:
        return self.done("host", os.fspath(self.store), *options)

    def publish_argv(self, version: str, *options: str) -> list[str]:
        where = ["publish", f"versions/{version}", os.fspath(self.store), f"--repo={self.composed}"]
        return [*where, f"--name={BASE_REF}", *options]

    def publish(self, version: str, *options: str) -> str:
        """Let the ref of the first trees lead to one of its versions."""
        return self.done(*self.publish_argv(version, *options))

    def publish_from(self, host: Host, *options: str) -> str:
        """Publish what the host boots next."""
        done = host.dnf("tree", "publish", "0", os.fspath(self.store), *options)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def commit(self, version: str) -> str:
        """The commit that was composed."""
        return ostree("rev-parse", f"--repo={self.composed}", f"versions/{version}").strip()

    def refs(self) -> dict[str, str]:
        rows = (name.split() for name in ostree("refs", self.repo, "--list").splitlines())
        return {row[0]: ostree("rev-parse", self.repo, row[0]).strip() for row in rows}

    def deltas(self) -> set[str]:
        listed = ostree("static-delta", "list", self.repo).split()
        return {name for name in listed if len(name) > 60}


def stock(folder: Path, composed: Path, versions: Iterable[str], *options: str) -> Place:
    """A store with these versions, one after the other."""
    place = Place(folder, composed)
    place.host(*options)
    for version in versions:
        place.publish(version)
    return place


def copied(place: Place, folder: Path) -> Place:
    """The same in another folder."""
    shutil.copytree(place.store, folder / "store", symlinks=True)
    return Place(folder, place.composed)


def signing(home: Path) -> list[str]:
    """The options that sign with the key in a GnuPG home."""
    return [f"--sign={keys.fingerprint(home)}", f"--gpg-homedir={home}"]


def client(folder: Path, url: str, key: Path | None = None) -> str:
    """The --repo option of a new repository that pulls from a URL as `toys`, and demands all signatures by the key."""
    where = f"--repo={folder}"
    ostree("init", where, "--mode=bare-user-only")
    verify = [f"--gpg-import={key}", "--set=gpg-verify-summary=true"] if key else ["--no-gpg-verify"]
    ostree("remote", "add", where, *verify, "toys", url)
    return where


def at(point: str, act: str) -> dict[str, str]:
    return {"OSTREE_LAYER_FAILPOINT": f"{point}={act}"}


def pull(where: str, *refs: str) -> None:
    """Let a client pull; AssertionError with what it says where it cannot."""
    done = subprocess.run(["ostree", "pull", where, "toys", *refs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
