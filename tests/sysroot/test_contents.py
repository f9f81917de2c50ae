# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of a commit are what they would be if it were checked out."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from ostree_layer import contents, repo
from ostree_layer.contents import Contents
from ostree_layer.errors import RepoError
from tests.sysroots import ostree

LINKS = {
    "bin": "usr/bin",
    "usr/bin/sh": "busybox",
    "usr/absolute": "/usr/bin",
    "usr/share/up": "../../usr/./bin/../lib",
    "usr/share/above": "../../../../usr/lib",
    "usr/share/outside": "/var/lib",
    "usr/loop": "loop",
    "usr/etc/link": "/etc/file",
}


@pytest.fixture
def made(folder: Path) -> Contents:
    for path in ("usr/bin/busybox", "usr/lib/file", "usr/etc/file"):
        (folder / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / path).write_text(path)
    for name, target in LINKS.items():
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / name).symlink_to(target)
    return commit(folder)


def commit(folder: Path) -> Contents:
    ostree("init", f"--repo={folder}/repo", "--mode=archive")
    checksum = ostree("commit", f"--repo={folder}/repo", f"--tree=dir={folder}/tree", "--orphan").strip()
    return Contents(repo.open_repo(folder / "repo"), checksum)


@pytest.mark.parametrize(
    ("path", "follow", "where", "is_there"),
    [
        ("/", False, "", True),
        ("/bin", False, "bin", True),
        ("/bin", True, "usr/bin", True),
        ("/bin/sh", False, "usr/bin/sh", True),
        ("/bin/sh", True, "usr/bin/busybox", True),
        ("/usr/absolute/sh", True, "usr/bin/busybox", True),
        ("/usr/share/up/file", False, "usr/lib/file", True),
        ("/usr/share/above/file", False, "usr/lib/file", True),
        ("/usr/share/outside/a/b", False, "var/lib/a/b", False),
        ("/usr/loop/file", False, "usr/loop/file", False),
        ("/usr/lib/file/below", False, "usr/lib/file/below", False),
        ("/etc/link", True, "usr/etc/file", True),
        ("/etc", False, "usr/etc", True),
        ("/nowhere", False, "nowhere", False),
    ],
)
def test_locate(path: str, follow: bool, where: str, is_there: bool, made: Contents) -> None:  # noqa: FBT001
    found, entry = made.locate(path, follow=follow)
    assert (found, entry is not None) == (where, is_there)


def test_walk_is_a_listing(made: Contents, folder: Path) -> None:
    tree = folder / "tree"
    assert [path for path, _entry in made.walk(made.root)] == sorted(
        (f"/{path.relative_to(tree)}" for path in tree.rglob("*")), key=lambda path: path.split("/")
    )


def test_blocks_are_of_one_size_however_a_file_is_packed(folder: Path) -> None:
    content = random.Random(1).randbytes(contents.BLOCK) + bytes(2 * contents.BLOCK + 1)
    (folder / "tree").mkdir()
    (folder / "tree/file").write_bytes(content)
    found = commit(folder)
    blocks = list(found.file(found.entries(found.root)["file"]).blocks())
    assert [len(block) for block in blocks] == [contents.BLOCK] * 3 + [1] and b"".join(blocks) == content


def test_a_file_that_is_cut_off(folder: Path) -> None:
    (folder / "tree").mkdir()
    (folder / "tree/file").write_bytes(os.urandom(100_000))
    found = commit(folder)
    entry = found.entries(found.root)["file"]
    path = folder / f"repo/objects/{entry.contents[:2]}/{entry.contents[2:]}.filez"
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(RepoError, match="^reading the content of a file: "):
        list(found.file(entry).blocks())
