# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf pin`, `dnf unpin` and `dnf label`."""

from __future__ import annotations

import pytest

from ostree_layer import origin, sysroot
from ostree_layer.model import Target
from tests.sysroots import REF, Host, ostree
from tests.toys import APP, LIB, Toy


@pytest.fixture
def two(host: Host) -> Host:
    host.offer(APP, LIB, Toy("other"), Toy("third"))
    host.done("install", "app")
    return host


def labels(host: Host) -> list[str]:
    return [origin.label(d) for d in sysroot.open_sysroot(Target(str(host.sysroot))).get_deployments()]


def pinned(host: Host) -> list[bool]:
    return [one["pinned"] for one in host.status()]


def test_a_pinned_deployment_stays(two: Host) -> None:
    new, old = two.deployments()
    assert f"Deployment 1, {old[:12]} (1.0) is pinned: it stays until 'dnf unpin'.\n" in two.done("pin", "1")
    assert f"Deployment 1, {old[:12]} (1.0) is pinned already.\n" in two.done("pin", "1")
    two.done("install", "other")
    assert two.deployments()[1:] == [new, old] and pinned(two) == [False, False, True]
    assert f"Deployment 2, {old[:12]} (1.0) is no longer pinned.\n" in two.done("unpin", "2")
    assert f"Deployment 2, {old[:12]} (1.0) is not pinned.\n" in two.done("unpin", "2")
    two.done("install", "third")
    assert len(two.deployments()) == 2


def test_without_a_name_it_is_the_next_one(two: Host) -> None:
    two.done("pin")
    assert pinned(two) == [True, False]
    assert "error: the following arguments are required: N" in two.dnf("unpin").stdout


def test_all_names_are_looked_at_before_one_is_pinned(two: Host) -> None:
    result = two.dnf("-y", "pin", "0", "7")
    assert result.returncode == 1
    assert result.stdout.endswith("Error: there is no deployment 7: they are 0 to 1\n(0 is the one that boots next)\n")
    assert pinned(two) == [False, False]


def test_a_label_names_a_deployment(two: Host) -> None:
    new, old = two.deployments()
    assert f"Deployment 1, {old[:12]} (1.0) is called before the apps now.\n" in two.done(
        "label", "1", "before the apps"
    )
    assert f"Deployment 1, {old[:12]} (1.0, before the apps) is pinned" in two.done("pin", "before the apps")
    two.done("install", "other")
    assert labels(two) == ["", "", "before the apps"]
    two.done("rollback", "before the apps")
    assert two.deployments()[0] == old
    assert "Deployment 0, " in two.done("label", "before the apps", "")
    assert labels(two) == ["", "", ""]
    assert "has no label.\n" in two.done("label", "0", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("two\nlines", "a label is one line, without white space at its ends"),
        (" space", "a label is one line, without white space at its ends"),
        ("x" * 65, "a label has no more than 64 characters, and this one has 65"),
        ("3", "3 cannot be a label: it is the index of a deployment"),
        ("taken", "deployment 0 is called taken already"),
    ],
)
def test_what_is_no_label(two: Host, text: str, sentence: str) -> None:
    two.done("label", "0", "taken")
    result = two.dnf("label", "1", text)
    assert result.returncode == 1 and result.stdout.endswith(f"Error: {sentence}\n"), result.stdout
    assert labels(two) == ["taken", ""]
    two.done("label", "0", "taken")


def test_others_who_change_deployments_leave_labels_alone(two: Host) -> None:
    """And what is made from a deployment that has one gets none."""
    at = f"--sysroot={two.sysroot}"
    two.done("label", "0", "mine")
    ostree("admin", "pin", at, "0")
    ostree("admin", "pin", at, "--unpin", "0")
    assert labels(two) == ["mine", ""]
    ostree("admin", "deploy", at, "--os=toy", "--retain", REF)
    assert labels(two) == ["", "mine", ""]
    two.done("label", "0", "theirs")
    ostree("commit", two.repo, "-b", REF, f"--tree=ref={REF}", "--add-metadata-string=version=2")
    ostree("admin", "upgrade", at, "--os=toy", "--override-commit=" + ostree("rev-parse", two.repo, REF).strip())
    assert labels(two)[0] == "" and "theirs" in labels(two)
