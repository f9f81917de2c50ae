# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree with nine versions on a server, of which one came with a fault; and hosts that follow it."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

from ostree_layer import repo
from ostree_layer.ostree_gi import GLib, OSTree
from tests import cached, sysroots, toys
from tests.sysroots import BASE, OLD_TOOL, Host, ostree
from tests.toys import APP, LIB, Toy

REF, REMOTE = "toy/1/long", "toys"
REFSPEC = f"{REMOTE}:{REF}"
VERSIONS = tuple(f"1.{number}" for number in range(1, 10))
# The first version with the fault, and the package that has it.
FAULTY, CULPRIT = "1.6", "state"
EPOCH, DAY = 1_700_006_400, 86_400  # 2023-11-15, midnight
PARTS = ("one", "two", "three")


def packages_of(version: str) -> list[Toy]:
    """What a version is made of: `state` says whether it is good, the others change with every version, or once."""
    number = int(version.partition(".")[2])
    faulty = number >= int(FAULTY.partition(".")[2])
    state = Toy(CULPRIT, "2" if faulty else "1", {"/usr/share/state": "bad\n" if faulty else "good\n"})
    news = Toy("news", str(number), {"/usr/share/news": f"{number}\n", f"/usr/share/news-{number}/file": ""})
    parts = [Toy(name, "2" if faulty else "1", {f"/usr/share/{name}": f"{faulty}\n"}) for name in PARTS]
    return [BASE, OLD_TOOL, state, news, *parts]


def served() -> Path:
    """A server's repository with the history, cached; each commit is a day younger than the one before."""
    description = Path(__file__).read_bytes() + BASE.key().encode()
    return cached.folder("history", description, _compose) / "server"


def _compose(folder: Path, made: Path) -> None:
    served = made / "server"
    ostree("init", f"--repo={served}", "--mode=archive")
    parent = None
    for number, version in enumerate(VERSIONS):
        packages = packages_of(version)
        work = folder / version
        work.mkdir(parents=True)
        rpms = toys.repository(work / "rpms", packages)
        sysroots.compose(work, rpms, [toy.name for toy in packages])
        store = repo.open_repo(work / "repo")
        parent = _again(store, version, EPOCH + number * DAY, parent)
        ostree("pull-local", f"--repo={served}", f"{work}/repo", parent)
    assert parent is not None
    ostree("refs", f"--repo={served}", f"--create={REF}", parent)
    ostree("summary", "-u", f"--repo={served}")


def _again(store: OSTree.Repo, version: str, time: int, parent: str | None) -> str:
    """The same commit as the next of the history."""
    checksum = str(store.resolve_rev(sysroots.REF, False)[1])
    values = {**repo.metadata(repo.load_commit(store, checksum)), "version": GLib.Variant("s", version)}
    root = store.read_commit(checksum, None)[1]
    with repo.transaction(store):
        return str(store.write_commit_with_time(parent, None, None, GLib.Variant("a{sv}", values), root, time, None)[1])


@functools.cache
def commits() -> dict[str, str]:
    """The commits of the history by version."""
    store, checksum = repo.open_repo(served()), ostree("rev-parse", f"--repo={served()}", REF).strip()
    found = {}
    while checksum:
        commit = repo.load_commit(store, checksum)
        found[repo.version(commit)] = checksum
        checksum = str(OSTree.commit_get_parent(commit) or "")
    return found


def host(folder: Path) -> Host:
    """A host that has the newest version, and follows the ref."""
    made = sysroots.empty_host(folder)
    ostree("remote", "add", "--no-gpg-verify", made.repo, REMOTE, f"file://{served()}")
    ostree("pull", made.repo, REMOTE, REF)
    sysroots.deploy(made, REFSPEC)
    made.offer(APP, LIB)
    return made


def follow_copy(made: Host, folder: Path) -> Path:
    """Let the host follow the same ref of another server, which is a copy."""
    shutil.copytree(served(), folder, symlinks=True)
    ostree("config", made.repo, "set", f'remote "{REMOTE}".url', f"file://{folder}")
    return folder


def append(server: Path, version: str, content: Path) -> str:
    """One more commit of the history on a server, which has the content besides."""
    where, parent = f"--repo={server}", ostree("rev-parse", f"--repo={server}", REF).strip()
    options = (f"--branch={REF}", f"--parent={parent}", f"--add-metadata-string=version={version}")
    layers = (f"--tree=ref={REF}", f"--tree=dir={content}", "--owner-uid=0", "--owner-gid=0")
    made = ostree("commit", where, *options, *layers).strip()
    ostree("summary", "-u", where)
    return made
