# SPDX-License-Identifier: GPL-2.0-or-later
"""/etc against its defaults, in real directories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ostree_layer import etc
from ostree_layer.etc_model import EtcObstacle, LocalEtc
from ostree_layer.model import EtcConflict

Trees = tuple[Path, Path, Path]
ODD = os.fsdecode(b"not \xff utf-8")


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    """The old defaults, the new ones, and /etc: three times the same."""
    made = (tmp_path / "old", tmp_path / "new", tmp_path / "mine")
    for root in made:
        (root / "folder/below").mkdir(parents=True)
        for name in ("a", "two words", ODD, "folder/in", "folder/below/deep"):
            (root / name).write_bytes(b"as shipped \xff\n")
        (root / "link").symlink_to("a")
    return made


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def to_folder(path: Path) -> None:
    remove(path)
    path.mkdir()
    (path / "in").write_text("in\n")


def to_file(path: Path) -> None:
    remove(path)
    path.write_text("now a file\n")


def to_link(path: Path) -> None:
    remove(path)
    path.symlink_to("elsewhere")


def write(text: str) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    return act


MINE, THEIRS = write("mine\n"), write("theirs\n")


def conflicts(old: Path, new: Path, mine: Path) -> tuple[EtcConflict, ...]:
    return etc.conflicts(etc.local_changes(old, mine), old, new, mine)


def obstacles(old: Path, new: Path, mine: Path) -> tuple[EtcObstacle, ...]:
    return etc.obstacles(etc.local_changes(old, mine), new, mine)


def test_nothing_is_local_in_a_copy(trees: Trees) -> None:
    old, new, mine = trees
    os.utime(mine / "a", (1, 1))
    os.setxattr(mine / "a", "user.mine", b"1")
    assert etc.sorted_out(etc.local_changes(old, mine)) == LocalEtc()
    assert conflicts(old, new, mine) == () == obstacles(old, new, mine)


def test_local_changes(trees: Trees) -> None:
    old, _new, mine = trees
    (mine / "a").write_bytes(b"as shipped \xfe\n")
    (mine / ODD).write_text("longer than it was\n")
    (mine / "two words").chmod(0o600)
    (mine / "folder/in").unlink()
    shutil.rmtree(mine / "folder/below")
    to_link(mine / "link")
    (mine / "more/of it").mkdir(parents=True)
    (mine / "more/of it/here").write_text("")
    os.mkfifo(mine / "fifo")
    assert etc.sorted_out(etc.local_changes(old, mine)) == LocalEtc(
        modified=("a", "link", ODD, "two words"),
        added=("fifo", "more", "more/of it", "more/of it/here"),
        removed=("folder/below", "folder/in"),
    )


def test_another_type_or_mode_is_a_change(trees: Trees) -> None:
    old, _new, mine = trees
    to_folder(mine / "a")
    to_file(mine / "folder")
    os.chmod(mine / "two words", 0o755)
    assert etc.sorted_out(etc.local_changes(old, mine)) == LocalEtc(modified=("a", "folder", "two words"))


@pytest.mark.parametrize(
    ("path", "here", "tree", "words"),
    [
        ("a", MINE, THEIRS, ("changed", "changed")),
        (ODD, MINE, THEIRS, ("changed", "changed")),
        ("two words", MINE, remove, ("changed", "removed")),
        ("a", remove, THEIRS, ("removed", "changed")),
        ("a", lambda path: path.chmod(0o600), THEIRS, ("changed", "changed")),
        ("link", to_link, remove, ("changed", "removed")),
        ("another", MINE, THEIRS, ("added", "added")),
        ("a", to_folder, THEIRS, ("changed", "changed")),
        ("folder", remove, lambda path: THEIRS(path / "new"), ("removed", "changed")),
        ("a", remove, to_folder, ("removed", "changed")),
        ("a", MINE, lambda path: None, None),
        ("a", lambda path: None, THEIRS, None),
        ("a", MINE, MINE, None),
        ("a", remove, remove, None),
        ("folder", lambda path: path.chmod(0o700), lambda path: path.chmod(0o711), None),
        ("folder/in", MINE, lambda path: THEIRS(path.parent / "other"), None),
    ],
)
def test_conflicts(
    trees: Trees, path: str, here: Callable[[Path], None], tree: Callable[[Path], None], words: tuple[str, str] | None
) -> None:
    old, new, mine = trees
    here(mine / path)
    tree(new / path)
    assert conflicts(old, new, mine) == ((EtcConflict(path, *words),) if words else ())
    assert obstacles(old, new, mine) == ()


def test_account_files_are_marked(trees: Trees) -> None:
    for root, text in zip(trees, "123"):
        for name in ("passwd", "group-", "passwd.rpmsave"):
            (root / name).write_text(text)
    assert [(c.path, c.is_account_file) for c in conflicts(*trees)] == [
        ("group-", True),
        ("passwd", True),
        ("passwd.rpmsave", False),
    ]


@pytest.mark.parametrize(
    ("path", "here", "tree", "obstacle"),
    [
        ("a", MINE, to_folder, ("a", "a file", "a directory")),
        ("folder", to_link, lambda path: None, ("folder", "a symbolic link", "a directory")),
        ("folder", lambda path: MINE(path / "in"), to_file, ("folder", "a directory", "a file")),
        ("folder", lambda path: remove(path / "below/deep"), to_file, ("folder", "a directory", "a file")),
        ("folder", to_file, remove, None),
        ("folder", remove, to_file, None),
        ("folder", lambda path: MINE(path / "in"), remove, None),
        ("another", lambda path: MINE(path / "in"), THEIRS, None),
    ],
)
def test_obstacles(
    trees: Trees,
    path: str,
    here: Callable[[Path], None],
    tree: Callable[[Path], None],
    obstacle: tuple[str, str, str] | None,
) -> None:
    old, new, mine = trees
    here(mine / path)
    tree(new / path)
    assert obstacles(old, new, mine) == ((EtcObstacle(*obstacle),) if obstacle else ())
