# SPDX-License-Identifier: GPL-2.0-or-later
"""What the units of a server start, run as they do, but for their places."""

from __future__ import annotations

import os
import time

import pytest

from tests import guard, toys, units
from tests.composing import REF, Bench
from tests.sysroots import BASE, ostree
from tests.toys import LIB, Toy


@pytest.fixture
def server(bench: Bench) -> Bench:
    """A server with a treefile, a repository of packages whose metadata DNF would keep for days, and a store."""
    bench.offer(LIB)
    bench.treefile({"packages": ["lib"]})
    bench.file("rpms.repo", f"[rpms]\nname=rpms\nbaseurl=file://{bench.rpms}\nmetadata_expire=2d\n")
    (bench.folder / "plugins.d").mkdir(exist_ok=True)
    (bench.folder / "plugins.d/ostree.conf").write_text(f"[main]\nstore={bench.folder}/store\n")
    return bench


def start(bench: Bench, unit: str, number: int) -> int:
    """Run one of the commands of a unit, and return its exit status."""
    places = {
        "/etc/ostree-layer/trees/%i.yaml": os.fspath(bench.trees / "tree.json"),
        "${REPO}": os.fspath(bench.folder / "composed"),
        "${REF}": REF,
        "%C/ostree-layer-trees": os.fspath(bench.folder / "workshops"),
        "%i": "tree",
    }
    words = units.arguments(unit, places)[number]
    done = guard.run(bench.folder, guard.dnf_argv(bench.folder, None, *words))
    assert done.returncode in (0, 77), done.stdout
    return done.returncode


def packages(bench: Bench, place: str) -> str:
    shown = ("show", f"--repo={bench.folder}/{place}", REF, "--print-metadata-key=rpmostree.rpmdb.pkglist")
    return ostree(*shown)


def test_a_tree_is_composed_as_soon_as_packages_have_changed(server: Bench) -> None:
    (server.folder / "workshops").mkdir()
    assert start(server, "dnf-tree@.service", 0) == 0 and "('lib', '0', '1', " in packages(server, "composed")
    assert start(server, "dnf-tree@.service", 0) == 77
    time.sleep(1)  # to librepo, what is of one second is the same
    toys.repository(server.rpms, [BASE, LIB, Toy("lib", "2", {"/usr/lib/lib": "2\n"})])
    assert start(server, "dnf-tree@.service", 0) == 0 and "('lib', '0', '2', " in packages(server, "composed")


def test_what_is_composed_is_published_and_pruned(server: Bench) -> None:
    (server.folder / "workshops").mkdir()
    assert server.run("host", f"{server.folder}/store", "--keep=2").returncode == 0
    for _time in range(2):
        start(server, "dnf-tree@.service", 0)
        assert start(server, "dnf-tree@.service", 1) == 0 and "('lib', '0', '1', " in packages(server, "store")
        assert start(server, "dnf-tree-prune.service", 0) == 0
    ostree("fsck", f"--repo={server.folder}/store", "--quiet")
