# SPDX-License-Identifier: GPL-2.0-or-later
"""Composed trees with a history on a server, and hosts that follow them."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

from tests import sysroots
from tests.composing import Bench
from tests.sysroots import BASE, OLD_TOOL, Host, ostree
from tests.toys import APP, LIB, Toy

BASE_REF, PLUS_REF, NEXT_REF = "toy/1/base", "toy/1/plus", "toy/2/base"
REMOTE = "toys"
NEW_TOOL = Toy("toy-tool", "2", {"/usr/bin/toy-tool": "2\n"}, requires=("toy-base",))
EXTRA = Toy("extra", files={"/usr/bin/extra": "1\n"})
NEXT_BASE = dataclasses.replace(
    BASE,
    version="2",
    files={**BASE.files, "/usr/lib/os-release": "ID=toy\nVERSION_ID=2\n"},
    provides=("system-release = 2", "/bin/sh", "/usr/bin/sh"),
)
TOYS = (BASE, OLD_TOOL, NEW_TOOL, EXTRA, NEXT_BASE, APP, LIB, Toy("other", files={"/usr/bin/other": ""}))
# Of each ref the versions, and what they are made of beside toy-base.
TREES = {
    BASE_REF: {"1.1": [OLD_TOOL], "1.2": [NEW_TOOL], "1.3": [NEW_TOOL, APP, LIB]},
    PLUS_REF: {"p1": [OLD_TOOL, EXTRA]},
    NEXT_REF: {"2.1": [NEW_TOOL]},
}
EPOCH = 1_700_000_000


def compose(folder: Path) -> Path:
    """Compose all of TREES; their repository has each of them as VERSION."""
    bench = Bench(folder / "bench")
    bench.offer(*TOYS)
    time = EPOCH
    for ref, versions in TREES.items():
        for version, packages in versions.items():
            done = bench.attempt(_treefile(ref, version, packages), extra={"SOURCE_DATE_EPOCH": str(time)})
            assert done.returncode == 0, done.stdout
            ostree("refs", f"--repo={bench.repo}", f"--create=versions/{version}", ref)
            time += 3600
    return bench.repo


def packages_of(version: str) -> set[str]:
    """What the tree of a version is made of, by name, version and architecture."""
    ref, made = next((ref, versions[version]) for ref, versions in TREES.items() if version in versions)
    return {toy.nevra for toy in (NEXT_BASE if ref == NEXT_REF else BASE, *made)}


def _treefile(ref: str, version: str, packages: list[Toy]) -> dict[str, object]:
    base = NEXT_BASE if ref == NEXT_REF else BASE
    return {
        "ref": ref,
        "packages": [toy.nevra for toy in (base, *packages)],
        "releasever": base.version,
        "container": True,
        "boot-location": "modules",
        "add-commit-metadata": {"version": version},
    }


@dataclasses.dataclass(frozen=True)
class Stream:
    """A server's repository, which has what was published of the trees in `composed`."""

    composed: Path
    repo: Path

    def publish(self, version: str) -> str:
        """Let the version's ref lead to it, and return its commit."""
        ref = next(ref for ref, versions in TREES.items() if version in versions)
        ostree("pull-local", f"--repo={self.repo}", os.fspath(self.composed), f"versions/{version}")
        checksum = ostree("rev-parse", f"--repo={self.repo}", f"versions/{version}").strip()
        ostree("refs", f"--repo={self.repo}", f"versions/{version}", "--delete")
        ostree("refs", f"--repo={self.repo}", ref, "--delete")
        ostree("refs", f"--repo={self.repo}", f"--create={ref}", checksum)
        ostree("summary", "-u", f"--repo={self.repo}")
        return checksum

    def copied(self, folder: Path) -> Stream:
        """The same server in another place."""
        shutil.copytree(self.repo, folder / "server", symlinks=True)
        return Stream(self.composed, folder / "server")

    def let_follow(self, host: Host, other: Stream) -> None:
        """Let a host that follows the other server's ref follow this one's."""
        config = host.sysroot / "ostree/repo/config"
        config.write_text(config.read_text().replace(f"file://{other.repo}\n", f"file://{self.repo}\n"))

    def host(self, folder: Path, ref: str = BASE_REF) -> Host:
        """A host that follows a ref of this server."""
        host = sysroots.empty_host(folder)
        ostree("remote", "add", "--no-gpg-verify", host.repo, REMOTE, f"file://{self.repo}")
        ostree("pull", host.repo, REMOTE, ref)
        sysroots.deploy(host, f"{REMOTE}:{ref}")
        host.offer(*(toy for toy in TOYS if toy.name != BASE.name))
        return host


def begin(composed: Path, folder: Path) -> Stream:
    """A server with the oldest tree of the first ref."""
    stream = Stream(composed, folder / "server")
    ostree("init", f"--repo={stream.repo}", "--mode=archive")
    stream.publish("1.1")
    return stream


def requests(host: Host) -> dict[str, list[str]]:
    """What the host that boots next was asked for, without what is empty."""
    return {name: found for name, found in host.status()[0]["requests"].items() if found}


def names(host: Host) -> set[str]:
    """The packages in the tree that boots next."""
    tree = host.deployments()[0].partition(".")[0]
    shown = ostree("show", host.repo, "--print-metadata-key=rpmostree.rpmdb.pkglist", tree)
    return {row.split("'")[1] for row in shown.split("(") if "'" in row}
