# SPDX-License-Identifier: GPL-2.0-or-later
"""The graft: the commit of an upper equals the merged view that the overlay showed, whatever was done in it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ostree_layer import graft, mounts
from ostree_layer.errors import CommitError
from ostree_layer.ostree_gi import OSTree, gfile
from tests.conftest import place

Change = Callable[[Path], None]
Picture = dict[str, tuple[object, ...]]


def picture(root: Path) -> Picture:
    """Everything of a tree that a commit keeps."""
    return {os.fspath(path.relative_to(root)): _entry(path) for path in [root, *root.rglob("*")]}


def _entry(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    names = [n for n in os.listxattr(path, follow_symlinks=False) if not n.startswith("trusted.overlay.")]
    xattrs = tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names))
    if stat.S_ISLNK(status.st_mode):
        return "link", os.readlink(path), status.st_uid, xattrs
    content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
    return stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content, xattrs


def fill(root: Path) -> None:
    for name in ("a/b/c", "d", "e/f"):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text(name)
    (root / "link").symlink_to("d/file")


def committed(folder: Path, *changes: Change) -> tuple[Picture, Picture]:
    """What the overlay showed after changes, and what the grafted commit holds."""
    for name in ("base", "upper", "work", "merged"):
        (folder / name).mkdir()
    fill(folder / "base")
    repo = OSTree.Repo.new(gfile(folder / "repo"))
    repo.create(OSTree.RepoMode.BARE, None)
    base = commit_tree(repo, written(repo, folder / "base"))
    mounts.overlay(folder / "base", folder / "upper", folder / "work", folder / "merged")
    try:
        for change in changes:
            change(folder / "merged")
        shown = picture(folder / "merged")
    finally:
        mounts.unmount(folder / "merged")
    repo.prepare_transaction(None)
    tree = graft.graft(repo, base, folder / "upper")
    checksum = commit_tree(repo, tree)
    repo.commit_transaction(None)
    options = OSTree.RepoCheckoutAtOptions()
    repo.checkout_at(options, -100, os.fspath(folder / "out"), checksum, None)
    for kind, name in ((kind, name) for name, kind in objects(repo)):
        assert repo.fsck_object(kind, name, None)
    return shown, picture(folder / "out")


def objects(repo: OSTree.Repo) -> list[tuple[str, OSTree.ObjectType]]:
    found = repo.list_objects(OSTree.RepoListObjectsFlags.ALL, None)[1]
    return [OSTree.object_name_deserialize(name) for name in found]


def written(repo: OSTree.Repo, root: Path) -> OSTree.MutableTree:
    tree = OSTree.MutableTree.new()
    repo.write_dfd_to_mtree(-100, os.fspath(root), tree, None, None)
    return tree


def commit_tree(repo: OSTree.Repo, tree: OSTree.MutableTree) -> str:
    root = repo.write_mtree(tree, None)[1]
    return str(repo.write_commit(None, None, None, None, root, None)[1])


def remove(path: str) -> Change:
    def change(root: Path) -> None:
        if (root / path).is_dir() and not (root / path).is_symlink():
            shutil.rmtree(root / path)
        elif os.path.lexists(root / path):
            (root / path).unlink()

    return change


def write(path: str, text: str) -> Change:
    def change(root: Path) -> None:
        for part in reversed((root / path).relative_to(root).parents):
            if (root / part).is_symlink() or (root / part).exists() and not (root / part).is_dir():
                (root / part).unlink()
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if (root / path).is_dir() and not (root / path).is_symlink():
            shutil.rmtree(root / path)
        (root / path).unlink(missing_ok=True)
        (root / path).write_text(text)

    return change


def make_directory(path: str) -> Change:
    def change(root: Path) -> None:
        write(f"{path}/new", "new")(root)
        (root / path / "new").unlink()

    return change


def set_mode(path: str, mode: int) -> Change:
    def change(root: Path) -> None:
        if (root / path).exists():
            (root / path).chmod(mode)

    return change


def rename(old: str, new: str) -> Change:
    def change(root: Path) -> None:
        if (root / old).is_file() and not (root / new).is_dir() and (root / new).parent.is_dir():
            (root / old).rename(root / new)

    return change


CAPABILITY = bytes.fromhex("01000002" + "00" * 16)
CASES: dict[str, list[Change]] = {
    "nothing": [],
    "new file in a new directory": [write("x/y/z", "new")],
    "removed file": [remove("d/file")],
    "removed directory": [remove("a")],
    "replaced directory": [remove("a"), write("a/new", "new")],
    "replaced nested directory": [remove("a/b"), write("a/b/new/er", "new")],
    "file becomes directory": [write("d/file/inside", "new")],
    "directory becomes file": [write("a", "now a file")],
    "link becomes file": [write("link", "now a file")],
    "file becomes link": [remove("d/file"), lambda root: (root / "d/file").symlink_to("elsewhere")],
    "mode of a directory": [set_mode("a/b", 0o700)],
    "setuid": [set_mode("d/file", 0o4755)],
    "owner": [lambda root: os.chown(root / "e/f/file", 12, 34)],
    "capability": [
        lambda root: os.setxattr(root / "d/file", "security.capability", bytes.fromhex("01000002" + "00" * 16))
    ],
    "user xattr on a directory": [lambda root: os.setxattr(root / "a", "user.x", b"y")],
    "large file": [write("d/file", "x" * 3_000_000), set_mode("d/file", 0o4750)],
    "large file with xattrs": [
        write("d/large", "y" * 2_000_000),
        lambda root: os.setxattr(root / "d/large", "user.b", b"2"),
        lambda root: os.setxattr(root / "d/large", "user.a", b""),
        lambda root: os.chown(root / "d/large", 12, 34),
    ],
    "hard link": [lambda root: os.link(root / "d/file", root / "e/hard")],
    "hard link between new files": [write("n", "new"), lambda root: os.link(root / "n", root / "m")],
    "odd name": [write("two words 'and' \"quotes\" \\ ü", "odd")],
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_case(folder: Path, changes: list[Change]) -> None:
    mounts.enter_private_namespace()
    shown, stored = committed(folder, *changes)
    assert stored == shown


PATHS = some.sampled_from(
    ["a", "a/b", "a/b/c", "a/b/c/file", "d", "d/file", "e/f", "e/f/file", "link", "n", "n/o", "a/b/p"]
)
CHANGES = some.one_of(
    some.builds(remove, PATHS),
    some.builds(write, PATHS, some.text(max_size=3)),
    some.builds(make_directory, PATHS),
    some.builds(set_mode, PATHS, some.sampled_from([0o755, 0o700, 0o4755])),
    some.builds(rename, PATHS, PATHS),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.lists(CHANGES, max_size=8))
def test_any_changes(changes: list[Change]) -> None:
    mounts.enter_private_namespace()
    with tempfile.TemporaryDirectory(dir=place()) as folder:
        shown, stored = committed(Path(folder), *changes)
        assert stored == shown


def test_a_device_is_refused_by_name(folder: Path) -> None:
    mounts.enter_private_namespace()
    with pytest.raises(CommitError, match=r"upper/e/fifo is a device, a socket or a fifo"):
        committed(folder, lambda root: os.mkfifo(root / "e/fifo"))


def test_a_name_that_is_not_utf8_is_refused(folder: Path) -> None:
    mounts.enter_private_namespace()
    with pytest.raises(CommitError, match=r"upper/e/x\\xff is not UTF-8, and a tree cannot hold one that is not"):
        committed(folder, lambda root: (root / os.fsdecode(b"e/x\xff")).touch())
