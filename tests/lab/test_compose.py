# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own family of trees, composed together and alone, verified, booted, and layered upon."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import guard
from tests.lab import host, kernels, world
from tests.lab.host import COMPOSES, SoftHost
from tests.sysroots import ostree

MODULES = "/usr/lib/modules"
FAMILY = ("container-host", "minimal", "server", "workstation")
pytestmark = pytest.mark.xdist_group("lab")


class Place:
    """A folder with a repository of trees and a workshop."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repo = folder, folder / "repo"
        folder.mkdir()

    def dnf(self, *arguments: str) -> str:
        argv = guard.dnf_argv(self.folder, None, "--releasever=12", "-q", *arguments, f"--repo={self.repo}")
        done = guard.run(self.folder, argv)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def compose(self, *treefiles: Path) -> str:
        repos = {"world": world.repository(), "kernels": kernels.repository()}
        given = [f"--repofrompath={name},file://{path}" for name, path in repos.items()]
        return self.dnf(*given, "tree", "compose", f"--workdir={self.folder}/work", *map(os.fspath, treefiles))

    def content(self, kind: str) -> str:
        return str(
            json.loads(self.dnf("tree", "show", f"world/12/x86_64/{kind}", "--json"))["commit"]["content_checksum"]
        )

    def names(self, ref: str, path: str) -> set[str]:
        """What a directory of a tree has in it."""
        rows = ostree("ls", f"--repo={self.repo}", ref, path).splitlines()[1:]
        return {row.split(" -> ")[0].rpartition("/")[2] for row in rows}


@pytest.fixture
def place(folder: Path) -> Place:
    return Place(folder / "together")


@pytest.fixture
def machine(folder: Path) -> Iterator[SoftHost]:
    made = SoftHost(folder / "host")
    made.folder.mkdir()
    yield made
    made.remove()


def test_a_family_is_composed_together_as_alone(place: Place, folder: Path, machine: SoftHost) -> None:
    printed = place.compose(*(COMPOSES / f"world-{kind}.yaml" for kind in FAMILY))
    made = [line.split(":")[0] for line in printed.splitlines() if ": commit " in line]
    assert sorted(made) == [f"world/12/x86_64/{kind}" for kind in FAMILY]

    alone = Place(folder / "alone")
    alone.compose(COMPOSES / "world-server.yaml")
    assert alone.content("server") == place.content("server")
    assert ostree("refs", f"--repo={alone.repo}").split() == ["world/12/x86_64/server"]

    for kind in FAMILY:
        assert "commit" in place.dnf("tree", "verify", f"world/12/x86_64/{kind}")
    ostree("fsck", f"--repo={place.repo}", "--quiet")

    host.deploy(machine, place.repo, "world/12/x86_64/server")
    for command in ("file /usr/bin/bc", "rpm -q bc bash systemd", "dnf -y install htop"):
        done = machine.run("bash", "-c", command)
        assert done.returncode == 0, done.stdout
    machine.reboot()
    assert machine.run("htop", "--version").returncode == 0


def test_a_tree_that_boots_by_itself(place: Place, machine: SoftHost) -> None:
    ref, packages = "world/12/x86_64/booting", ["dracut-core", "ostree-boot", "dracut-config-small"]
    wanted = {"include": os.fspath(COMPOSES / "world-minimal.yaml"), "ref": ref, "repos": ["kernels"]}
    (place.folder / "booting.json").write_text(json.dumps({**wanted, "no-initramfs": False, "packages": packages}))
    place.compose(place.folder / "booting.json")
    (kver,) = place.names(ref, MODULES)
    assert place.names(ref, f"{MODULES}/{kver}") >= {"vmlinuz", "initramfs.img", "initramfs.inputs", "modules.dep"}
    shown = ostree("show", f"--repo={place.repo}", "--print-metadata-key=ostree.linux", ref)
    assert shown.strip() == f"'{kver}'"

    host.deploy(machine, place.repo, ref)
    (entry,) = (machine.sysroot / "boot/loader/entries").iterdir()
    assert "\ninitrd " in entry.read_text()
