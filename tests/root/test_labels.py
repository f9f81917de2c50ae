# SPDX-License-Identifier: GPL-2.0-or-later
"""A label that a file of an upper has from the machine on which it was written is not its label in the tree."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ostree_layer import graft, labels
from ostree_layer.errors import CommitError
from ostree_layer.labels import LABEL, Labels
from ostree_layer.ostree_gi import OSTree, gfile
from tests import policy
from tests.root.test_graft import commit_tree, objects, written

OF_HOST = b"system_u:object_r:of_host_t:s0\0"
FILES = ("usr/bin/small", "usr/bin/large", "usr/etc/shadow", "tmp/no-label", "new/file")


@pytest.fixture
def by_policy(folder: Path) -> Labels:
    tree = folder / "tree"
    policy.packages()[0].fill(tree)
    (tree / "etc").rename(tree / "usr/etc")
    return Labels(labels.load_policy(tree))


def grafted(folder: Path, by_policy: Labels) -> dict[str, bytes]:
    """The labels in a commit of an upper that all came labelled; all have another extended attribute, too."""
    (folder / "base/usr/bin").mkdir(parents=True)
    (folder / "base/tmp").mkdir()
    for name in FILES:
        (folder / "upper" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "upper" / name).write_text(name * (1 << 18 if "large" in name else 1))
    (folder / "upper/usr/bin/link").symlink_to("small")
    for path in [folder / "upper", *(folder / "upper").rglob("*")]:
        os.setxattr(path, LABEL, OF_HOST, follow_symlinks=False)
        os.setxattr(path, "trusted.kept", b"yes", follow_symlinks=False)
    store = OSTree.Repo.new(gfile(folder / "repo"))
    store.create(OSTree.RepoMode.BARE, None)
    base = commit_tree(store, written(store, folder / "base"))
    store.prepare_transaction(None)
    checksum = commit_tree(store, graft.graft(store, base, folder / "upper", by_policy))
    store.commit_transaction(None)
    for name, kind in objects(store):
        assert store.fsck_object(kind, name, None)
    store.checkout_at(OSTree.RepoCheckoutAtOptions(), -100, os.fspath(folder / "out"), checksum, None)
    found = [folder / "out", *(folder / "out").rglob("*")]
    assert {os.getxattr(path, "trusted.kept", follow_symlinks=False) for path in found} == {b"yes"}
    assert (folder / "out/usr/bin/large").read_text() == "usr/bin/large" * (1 << 18)
    return {f"/{path.relative_to(folder / 'out')}": labels.read(os.fspath(path)) for path in found}


def test_no_policy_no_labels(folder: Path) -> None:
    assert set(grafted(folder, Labels()).values()) == {b""}


def test_the_policy_decides(folder: Path, by_policy: Labels) -> None:
    kinds = {
        "/.": "root_t",
        "/usr": "usr_t",
        "/usr/bin": "bin_t",
        "/usr/bin/small": "bin_t",
        "/usr/bin/large": "bin_t",
        "/usr/bin/link": "bin_t",
        "/usr/etc": "etc_t",
        "/usr/etc/shadow": "shadow_t",
        "/tmp": "tmp_t",
        "/tmp/no-label": "",
        "/new": "default_t",
        "/new/file": "default_t",
    }
    expected = {path: f"system_u:object_r:{kind}:s0\0".encode() if kind else b"" for path, kind in kinds.items()}
    assert grafted(folder, by_policy) == expected


def test_a_label_that_cannot_be_written(folder: Path, by_policy: Labels) -> None:
    (folder / "fixed").write_text("")
    subprocess.run(["chattr", "+i", folder / "fixed"], check=True)
    try:
        with pytest.raises(CommitError) as caught:
            by_policy.dress(f"{folder}/fixed", "/usr/bin/fixed")
    finally:
        subprocess.run(["chattr", "-i", folder / "fixed"], check=True)
    assert str(caught.value) == (
        "/usr/bin/fixed cannot be labelled system_u:object_r:bin_t:s0: Operation not permitted"
    )


def test_a_policy_that_cannot_be_read(folder: Path) -> None:
    selinux = folder / "usr/etc/selinux"
    (selinux / "default/contexts/files").mkdir(parents=True)
    (selinux / "config").write_text(policy.CONFIG)
    with pytest.raises(CommitError) as caught:
        labels.load_policy(folder)
    assert str(caught.value).startswith("reading the tree's SELinux policy: ")
