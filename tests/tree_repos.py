# SPDX-License-Identifier: GPL-2.0-or-later
"""Repositories with a history: composed trees in an archive, and the commits that a host made in its own."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ostree_layer import advisories, metadata, repo, trees
from ostree_layer.model import Advisory
from ostree_layer.ostree_gi import GLib, OSTree
from tests import guard, sysroots
from tests.sysroots import REF, Host
from tests.toys import APP, LIB, Toy

LOCAL = f"ostree-layer/local/{sysroots.STATEROOT}"
NEW_TOOL = Toy(
    "toy-tool",
    "2",
    {
        "/usr/bin/toy-tool": "2\n",
        "/opt/tool/data": "2\n",
        "/var/lib/tool/": "",
        "/usr/share/toy-tool/ghost": "",
        "/usr/share/toy-tool/doc": "2\n",
    },
    attributes={"/usr/share/toy-tool/ghost": "%ghost", "/usr/share/toy-tool/doc": "%doc"},
    requires=("toy-base",),
    scripts="%changelog\n* Fri Nov 20 2026 A Toy Maker <toys@example.com> - 2-1\n- A new tool\n- CVE-2026-2\n",
)
OLD_NEWS = Advisory("TOY-1", "bugfix", "none", ("toy-base-1-1.noarch",))
NEWS = (
    Advisory("TOY-2", "enhancement", "none", (NEW_TOOL.nevra,)),
    Advisory("TOY-3", "security", "low", (NEW_TOOL.nevra,)),
    Advisory("TOY-4", "security", "critical", (NEW_TOOL.nevra,), (("CVE-2026-2", "https://example.com/2"),)),
    OLD_NEWS,
)


@dataclasses.dataclass(frozen=True)
class Repos:
    """`archive` has at REF a commit 1.1 after 1.0; `host` has made two of its own from 1.0, and the second is 1.1."""

    archive: Path
    host: Host

    @property
    def bare(self) -> Path:
        return self.host.sysroot / "ostree/repo"

    def commit(self, name: str) -> str:
        """The checksum of a commit in the archive or, if it is one of the host's, in its repository."""
        return trees.find(repo.open_repo(self.bare if name.startswith(LOCAL) else self.archive), name)


def make(folder: Path, tree: Path) -> Repos:
    host = sysroots.make_host(folder / "host", tree)
    host.offer(APP, LIB, NEW_TOOL)
    host.done("install", "app")
    upgraded = host.dnf("--nodocs", "-y", "upgrade", "toy-tool")
    assert upgraded.returncode == 0, upgraded.stdout
    host.wait_for_cleaner()
    archive = folder / "archive"
    sysroots.ostree("init", f"--repo={archive}", "--mode=archive")
    sysroots.ostree("pull-local", f"--repo={archive}", os.fspath(host.sysroot / "ostree/repo"), LOCAL)
    store = repo.open_repo(archive)
    local = store.resolve_rev(LOCAL, False)[1]
    start = repo.load_commit(store, local)
    old = metadata.parse_local(repo.metadata(start))
    assert old is not None
    sysroots.ostree("pull-local", f"--repo={archive}", os.fspath(host.sysroot / "ostree/repo"), old.base)
    repo.set_ref(store, LOCAL, None)
    first = _recommit(store, old.base, None, {"version": "1.0"}, (OLD_NEWS,))
    _recommit(store, local, first, {"version": "1.1", "toy.note": "for a test"}, NEWS)
    return Repos(archive, host)


def _recommit(
    store: OSTree.Repo, content: str, parent: str | None, words: Mapping[str, str], news: tuple[Advisory, ...]
) -> str:
    """Commit the tree of another commit, without its list of packages."""
    values = {name: GLib.Variant("s", word) for name, word in words.items()}
    values[advisories.KEY] = advisories.as_variant(news)
    root = store.read_commit(content, None)[1]
    with repo.transaction(store):
        time = 1_700_000_000 + (3600 if parent else 0)
        made = GLib.Variant("a{sv}", values)
        checksum: str = store.write_commit_with_time(parent, f"Toys {words['version']}", None, made, root, time, None)[
            1
        ]
        store.transaction_set_ref(None, REF, checksum)
    return checksum


def copy(source: Path, folder: Path) -> Path:
    """A repository to do harm to."""
    return Path(shutil.copytree(source, folder / "copy", symlinks=True))


def tree(folder: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`dnf tree ARGUMENTS`; what is said besides is in stderr."""
    return run(folder, guard.dnf_argv(folder, None, "--releasever=1", "tree", *arguments), extra)


def run(folder: Path, argv: list[str], extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return guard.run(folder, argv, extra, apart=True, timeout=60)


def as_ordinary_user(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same, by somebody who is not root."""
    return run(folder, of_ordinary_user(folder, guard.dnf_argv(folder, None, "--releasever=1", "tree", *arguments)))


def of_ordinary_user(folder: Path, argv: list[str]) -> list[str]:
    """The argv by which somebody who is not root, but to whom folder belongs, runs argv."""
    guard.environment(folder)
    for path in (folder, *(folder / name for name in guard.FOLDERS)):
        os.chown(path, 65534, 65534)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv]


def said(folder: Path, *arguments: str) -> str:
    """What `dnf tree ARGUMENTS`, which succeeds, prints."""
    done = tree(folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
