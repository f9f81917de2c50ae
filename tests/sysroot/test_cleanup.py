# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf cleanup`: what it drops, and what it leaves."""

from __future__ import annotations

import subprocess

import pytest

from tests.sysroots import Host, ostree
from tests.toys import Toy

TOYS = [Toy(f"toy{number}") for number in range(4)]


@pytest.fixture
def three(host: Host) -> Host:
    """A host with three deployments, of which the oldest is pinned, and five trees."""
    host.done("pin")
    host.offer(*TOYS)
    for toy in TOYS:
        host.done("install", toy.name)
    host.wait_for_cleaner()
    return host


def trees(host: Host) -> list[str]:
    return ostree("refs", host.repo, "--list", "ostree-layer/history").split()


def failed(result: subprocess.CompletedProcess[str], sentence: str) -> bool:
    return result.returncode == 1 and result.stdout.endswith(sentence)


def test_rollback(three: Host) -> None:
    new, old, pinned = three.deployments()
    shown = f"Deployment 2, {pinned[:12]} (1.0) is pinned, and stays.\nTo be dropped: deployment 1, {old[:12]} (1.0).\n"
    assert failed(three.dnf("cleanup", "rollback", answer="n\n"), f"{shown}Is this ok [y/N]: Operation aborted.\n")
    assert three.deployments() == [new, old, pinned]
    assert three.done("cleanup", "rollback").endswith(f"{shown}Dropped 1 deployment.\n")
    assert three.deployments() == [new, pinned]
    assert three.dnf("cleanup", "rollback").stdout.endswith("and stays.\nThere is nothing to drop.\n")
    three.wait_for_cleaner()
    assert not (three.tree.parent / old).exists()
    three.fsck()


def test_pending_where_nothing_is_booted(three: Host) -> None:
    before = three.deployments()
    printed = three.done("cleanup", "pending")
    assert printed.endswith("No deployment of toy is booted, so none is pending.\nThere is nothing to drop.\n")
    assert three.deployments() == before


def test_history(three: Host) -> None:
    assert len(trees(three)) == 4
    deployed = [name.partition(".")[0] for name in three.deployments()]
    forgotten = sorted(name.rpartition("/")[2] for name in trees(three) if name.rpartition("/")[2] not in deployed)
    shown = "".join(f"To be forgotten: tree {checksum[:12]}.\n" for checksum in forgotten)
    assert three.done("cleanup", "history").endswith(f"{shown}Forgot 2 trees.\n")
    three.wait_for_cleaner()
    assert {name.rpartition("/")[2] for name in trees(three)} == set(deployed[:2])
    three.fsck()
    three.done("remove", "toy3")


def test_the_tree_of_a_dropped_deployment_is_history(three: Host) -> None:
    new = three.deployments()[0].partition(".")[0]
    assert "Dropped 1 deployment.\nForgot 3 trees.\n" in three.done("cleanup", "rollback", "history")
    three.wait_for_cleaner()
    assert trees(three) == [f"ostree-layer/history/toy/{new}"]
    three.fsck()


def test_metadata(three: Host) -> None:
    three.done("makecache")
    assert list(three.folder.glob("cache/toys-*/repodata"))
    (three.folder / "lib").mkdir()
    three.done(f"--setopt=persistdir={three.folder}/lib", "cleanup", "metadata", "rollback")
    assert not list(three.folder.glob("cache/toys-*/repodata/*.xml*")) and len(three.deployments()) == 2


def test_words(three: Host) -> None:
    known = "(one or more of pending, rollback, metadata, history)\n"
    assert failed(three.dnf("cleanup"), f"Error: 'dnf cleanup' needs to be told what to drop\n{known}")
    assert failed(three.dnf("cleanup", "rollback", "all"), f"Error: 'dnf cleanup' does not know all\n{known}")
    assert len(three.deployments()) == 3
