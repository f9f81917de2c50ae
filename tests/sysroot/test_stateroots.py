# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf stateroot`: each has deployments, /var and /etc of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.sysroots import REF, Host, ostree
from tests.toys import APP, LIB

POINTS = ["chosen", "undeployed", "forgotten", "cleaned", "moved"]


@pytest.fixture
def two(host: Host) -> Host:
    """A host with a second stateroot, in which there are two deployments and some data; that of toy boots next."""
    host.done("stateroot", "create", "other")
    # The first deployment of a stateroot is the business of `dnf rebase`.
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", "--os=other", "--karg=root=LABEL=toy", REF)
    host.offer(APP, LIB)
    done = host.dnf("-y", "install", "app", extra={"OSTREE_OS": "other"})
    assert done.returncode == 0, done.stdout
    (folder(host) / "var/lib/data").write_text("mine\n")
    host.done("stateroot", "switch", "toy")
    host.wait_for_cleaner()
    return host


def folder(host: Host) -> Path:
    return host.sysroot / "ostree/deploy/other"


def deployed(host: Host) -> list[str]:
    """The stateroots of the deployments in boot order."""
    return [str(one["stateroot"]) for one in host.status()]


def failed(result: subprocess.CompletedProcess[str], sentence: str) -> bool:
    return result.returncode == 1 and result.stdout.endswith(f"Error: {sentence}\n")


def is_gone(host: Host) -> bool:
    refs = ostree("refs", host.repo, "--list")
    return not folder(host).exists() and "/other" not in refs and deployed(host) == ["toy"]


def test_create(host: Host) -> None:
    printed = host.done("stateroot", "create", "other")
    assert printed.endswith("The stateroot other is there; 'dnf rebase --stateroot=other' deploys into it.\n")
    assert {"lib", "log", "tmp", "run", "lock"} <= {path.name for path in (folder(host) / "var").iterdir()}
    assert failed(host.dnf("stateroot", "create", "other"), "there is a stateroot other already")
    hint = "it is of letters, digits, dots, hyphens and underscores, and does not begin with a dot or hyphen"
    for name in ("../up", "a b", ".", "", "x/y"):
        assert failed(host.dnf("stateroot", "create", name), f"{name} is no name for a stateroot\n({hint})")
    hint = "'dnf rebase --stateroot=other' and 'dnf system-switch --stateroot=other' make one"
    sentence = f"the stateroot other has no deployment\n({hint})"
    assert failed(host.dnf("-y", "stateroot", "switch", "other"), sentence)


def test_list(two: Host) -> None:
    two.done("label", "1", "apps")
    two.done("pin", "2")
    two.done("stateroot", "create", "empty")
    done = two.dnf("stateroot", "list", "--json", apart=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["version"] == 1
    empty, other, toy = found["stateroots"]
    assert empty == {"name": "empty", "booted": False, "deployments": []}
    assert [(one["index"], one["label"], one["pinned"]) for one in other["deployments"]] == [
        (1, "apps", False),
        (2, "", True),
    ]
    first, second, third = two.status()
    assert toy["deployments"][0]["checksum"] == first["checksum"]
    lines = (
        f"  empty (no deployment)\n  other\n    1  {second['checksum'][:12]}  1.0  apps\n"
        f"    2  {third['checksum'][:12]}  1.0  (pinned)\n  toy\n    0  {first['checksum'][:12]}  1.0\n"
    )
    assert two.done("stateroot", "list").endswith(lines)


def test_switch(two: Host) -> None:
    assert deployed(two) == ["toy", "other", "other"]
    name = two.status()[1]["checksum"][:12]
    result = two.dnf("stateroot", "switch", "other", answer="n\n")
    added = "Packages:\n  Added       app-1-1.noarch\n  Added       lib-1-1.noarch\n"
    assert f"To boot next: deployment 1, {name} (1.0).\n{added}Is this ok" in result.stdout
    assert result.returncode == 1 and deployed(two) == ["toy", "other", "other"]
    two.done("stateroot", "switch", "other")
    assert deployed(two) == ["other", "toy", "other"]
    assert failed(
        two.dnf("stateroot", "switch", "none"),
        "there is no stateroot none\n('dnf stateroot list' names them, 'dnf stateroot create' makes one)",
    )


def test_a_rollback_stays_in_its_stateroot(two: Host) -> None:
    name = two.status()[1]["checksum"][:12]
    hint = "'dnf stateroot switch other' goes there, with a /var and /etc of its own"
    sentence = f"deployment 1, {name} (1.0) is of the stateroot other\n({hint})"
    assert failed(two.dnf("-y", "rollback", "1"), sentence)
    assert two.dnf("-y", "rollback", "2", extra={"OSTREE_OS": "other"}).returncode == 0
    assert deployed(two) == ["other", "toy", "other"]


def test_remove(two: Host) -> None:
    two.done("pin", "1")
    first, second = (one["checksum"][:12] for one in two.status()[1:])
    warning = "To be removed: the stateroot other, with all that is in its /var and /etc. This cannot be undone.\n"
    shown = f"{warning}  deployment 1, {first} (1.0), which is pinned\n  deployment 2, {second} (1.0)\n"
    result = two.dnf("stateroot", "remove", "other", answer="n\n")
    assert result.stdout.endswith(f"{shown}Is this ok [y/N]: Operation aborted.\n") and result.returncode == 1
    assert (folder(two) / "var/lib/data").exists()
    assert two.done("stateroot", "remove", "other").endswith(f"{shown}The stateroot other is gone.\n")
    two.wait_for_cleaner()
    assert is_gone(two)
    two.fsck()
    two.done("install", "app")


def test_what_cannot_be_removed(two: Host) -> None:
    for name in ("none", "..", "toy/var"):
        sentence = f"there is no stateroot {name}\n('dnf stateroot list' names them, 'dnf stateroot create' makes one)"
        assert failed(two.dnf("-y", "stateroot", "remove", name), sentence)
    two.done("stateroot", "remove", "other")
    sentence = f"toy has the only deployments of {two.sysroot}, which would not boot without them"
    assert failed(two.dnf("-y", "stateroot", "remove", "toy"), sentence)


@pytest.mark.parametrize("point", POINTS)
def test_a_removal_that_is_killed_can_be_finished(two: Host, point: str) -> None:
    killed = two.dnf(
        "-y", "stateroot", "remove", "other", extra={"OSTREE_LAYER_FAILPOINT": f"stateroots::{point}=kill"}
    )
    assert killed.returncode == -9
    assert deployed(two) == (["toy", "other", "other"] if point == "chosen" else ["toy"])
    assert (folder(two) / "var/lib/data").exists() == (point != "moved")
    two.fsck()
    if point != "moved":
        two.done("stateroot", "remove", "other")
    two.done("install", "app")
    two.wait_for_cleaner()
    assert not folder(two).exists() and list((two.work / "staging").iterdir()) == []
    two.fsck()
