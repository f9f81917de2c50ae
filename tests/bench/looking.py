# SPDX-License-Identifier: GPL-2.0-or-later
"""How long it takes to look at large trees whose commits list their packages."""

from __future__ import annotations

from pathlib import Path

from ostree_layer import metadata, repo
from ostree_layer.model import Package
from ostree_layer.ostree_gi import GLib, OSTree
from tests import guard
from tests.bench.clock import timed
from tests.sysroots import REF

PACKAGES = 2000


def commit_twice(repository: Path) -> list[str]:
    """Two commits with the tree that is there, and with lists of packages that were all upgraded."""
    store = repo.open_repo(repository)
    return [_commit(store, version) for version in "12"]


def _commit(store: OSTree.Repo, version: str) -> str:
    packages = [Package(f"package{n:04}", "0", version, "1", "noarch") for n in range(PACKAGES)]
    values = GLib.Variant("a{sv}", {metadata.PKGLIST: metadata.packages_variant(packages)})
    with repo.transaction(store):
        root = store.read_commit(REF, None)[1]
        return str(store.write_commit(None, None, None, values, root, None)[1])


def tree(folder: Path, repository: Path, *arguments: str) -> float:
    """The seconds that `dnf tree ARGUMENTS` takes on a repository."""
    argv = guard.dnf_argv(folder, None, "--releasever=1", "tree", *arguments, f"--repo={repository}")
    return timed(guard.sealed(folder, argv), guard.environment(folder))


def comparison(folder: Path, repository: Path, commits: list[str]) -> float:
    """What `dnf tree diff` takes beyond the start of dnf, libostree and the repository."""
    return tree(folder, repository, "diff", *commits) - tree(folder, repository, "log", commits[0], "--limit=0")
