# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own family of trees, composed together and alone, verified, booted, and layered upon."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import guard
from tests.lab import host, world
from tests.lab.host import COMPOSES, SoftHost
from tests.sysroots import ostree

FAMILY = ("container-host", "minimal", "server")


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
        given = f"--repofrompath=world,file://{world.repository()}"
        return self.dnf(given, "tree", "compose", f"--workdir={self.folder}/work", *map(os.fspath, treefiles))

    def content(self, kind: str) -> str:
        return str(
            json.loads(self.dnf("tree", "show", f"world/12/x86_64/{kind}", "--json"))["commit"]["content_checksum"]
        )


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
