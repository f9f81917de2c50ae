# SPDX-License-Identifier: GPL-2.0-or-later
"""The clone of a directory of a commit is what libostree's own checkout of it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ostree_layer import clone
from ostree_layer.errors import CommandError
from ostree_layer.ostree_gi import AT_FDCWD, OSTree, gfile
from tests.root.test_graft import CAPABILITY, commit_tree, picture, written


def stored(folder: Path) -> tuple[OSTree.Repo, str]:
    """A repository with the tree of `folder/tree` in it, and the commit's checksum."""
    repo = OSTree.Repo.new(gfile(folder / "repo"))
    repo.create(OSTree.RepoMode.BARE, None)
    return repo, commit_tree(repo, written(repo, folder / "tree"))


def cloned(folder: Path, repo: OSTree.Repo, checksum: str) -> Path:
    usr = repo.read_commit(checksum, None)[1].resolve_relative_path("usr")
    usr.ensure_resolved()
    objects = folder / "repo/objects"
    clone.clone(objects, usr.tree_get_contents_checksum(), usr.tree_get_metadata_checksum(), folder / "clone")
    return folder / "clone"


def fill(tree: Path) -> None:
    for size in (0, 1, 3, 300, 3000):  # the offsets in a dirtree object take one, two or four bytes
        (tree / f"usr/share/{size}/x").mkdir(parents=True)
        for index in range(size):
            (tree / f"usr/share/{size}/{index} of many").write_text(f"{size} {index}")
    for index in range(clone.FEW):  # or all would be the work of one process
        (tree / f"usr/share/d{index}/x").mkdir(parents=True)
        (tree / f"usr/share/d{index}/file").write_text(f"{index}")
    (tree / "usr/share/3/ü 'odd' \\ \"name\"").write_text("odd")
    (tree / "usr/share/3/link").symlink_to("0 of many")
    (tree / "usr/share/3/broken").symlink_to("/no/where")
    os.chown(tree / "usr/share/3/1 of many", 12, 34)
    (tree / "usr/share/3/2 of many").chmod(0o4711)
    os.setxattr(tree / "usr/share/3/0 of many", "security.capability", CAPABILITY)
    os.setxattr(tree / "usr/share/3/x", "user.one", b"1")
    os.setxattr(tree / "usr/share/3/x", "user.two", b"")
    os.chown(tree / "usr/share/3", 56, 78)
    (tree / "usr/share/3").chmod(0o2775)


def test_same_as_libostree(folder: Path) -> None:
    fill(folder / "tree")
    repo, checksum = stored(folder)
    repo.checkout_at(OSTree.RepoCheckoutAtOptions(), AT_FDCWD, os.fspath(folder / "theirs"), checksum, None)
    ours = cloned(folder, repo, checksum)
    assert picture(ours) == picture(folder / "theirs/usr")
    assert {path.lstat().st_mtime for path in ours.rglob("*") if path.is_dir()} == {0}
    assert (ours / "share/3/0 of many").samefile(folder / "theirs/usr/share/3/0 of many")


def test_more_links_than_the_file_system_allows(folder: Path) -> None:
    (folder / "tree/usr/share").mkdir(parents=True)
    (folder / "tree/usr/share/file").write_text("x")
    (folder / "tree/usr/share/file").chmod(0o640)
    repo, checksum = stored(folder)
    (file,) = (folder / "repo/objects").glob("*/*.file")
    (folder / "links").mkdir()
    try:
        for index in range(70_000):
            os.link(file, folder / f"links/{index}")
    except OSError:
        pass  # ext4 allows 65,000
    made = cloned(folder, repo, checksum) / "share/file"
    assert made.read_text() == "x" and made.stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("count", [1, clone.FEW + 1])
def test_an_object_that_is_missing(folder: Path, count: int) -> None:
    for index in range(count):
        (folder / f"tree/usr/share/{index}").mkdir(parents=True)
        (folder / f"tree/usr/share/{index}/file").write_text("x")
    repo, checksum = stored(folder)
    (file,) = (folder / "repo/objects").glob("*/*.file")
    file.unlink()
    with pytest.raises((FileNotFoundError, CommandError), match="No such file or directory"):
        cloned(folder, repo, checksum)
