# SPDX-License-Identifier: GPL-2.0-or-later
"""What was done through an overlay is found in it, and done again elsewhere, however overlayfs keeps it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostree_layer import folders
from ostree_layer.errors import CommitError
from ostree_layer.folders import Act
from tests.root.test_graft import picture

Found = dict[str, Act]


@pytest.fixture(params=["redirect_dir=off,metacopy=off", "redirect_dir=on,metacopy=on"])
def place(request: pytest.FixtureRequest, folder: Path) -> Iterator[Path]:
    """A folder with an overlay, as it is where somebody else has mounted it."""
    for name in ("old/usr/kept/deep", "old/usr/emptied", "old/usr/moved/below", "upper", "work", "new/usr"):
        (folder / name).mkdir(parents=True)
    for name in ("kept/same", "kept/edited", "kept/deep/gone", "emptied/file", "moved/below/file", "moved/file"):
        (folder / "old/usr" / name).write_text(name)
    (folder / "old/usr/link").symlink_to("kept")
    options = f"lowerdir={folder}/old/usr,upperdir={folder}/upper,workdir={folder}/work,{request.param}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", os.fspath(folder / "new/usr")], check=True)
    yield folder
    subprocess.run(["umount", os.fspath(folder / "new/usr")], check=True)


def found(place: Path) -> Found:
    """By the upper, which says the same as a comparison of everything, and can be done to a copy of the old one."""
    old, new = place / "old", place / "new"
    changes = list(folders.written(place / "upper", old, new, "usr"))
    whole = [change for change in folders.compare(old, new, "usr") if change.path != "usr"]
    assert sorted(changes) == sorted(whole)
    shutil.copytree(old, place / "copy", symlinks=True)
    folders.apply(changes, new, place / "copy")
    assert picture(place / "copy/usr") == picture(new / "usr")
    return {change.path: change.act for change in changes}


def test_all_kinds(place: Path) -> None:
    usr = place / "new/usr"
    (usr / "kept/edited").write_text("anew")
    (usr / "kept/deep/gone").unlink()
    (usr / "kept/program").write_text("#!/bin/sh\n")
    (usr / "kept/program").chmod(0o4755)
    os.setxattr(usr / "kept/program", "user.note", b"mine")
    (usr / "link").unlink()
    (usr / "link").mkdir()
    (usr / "link/file").touch()
    shutil.rmtree(usr / "emptied")
    (usr / "emptied").write_text("a file now")
    subprocess.run(["mv", os.fspath(usr / "moved"), os.fspath(usr / "away")], check=True)
    assert found(place) == {
        "usr/away": Act.ADDED,
        "usr/away/below": Act.ADDED,
        "usr/away/below/file": Act.ADDED,
        "usr/away/file": Act.ADDED,
        "usr/emptied": Act.CHANGED,
        "usr/emptied/file": Act.REMOVED,
        "usr/kept/deep/gone": Act.REMOVED,
        "usr/kept/edited": Act.CHANGED,
        "usr/kept/program": Act.ADDED,
        "usr/link": Act.CHANGED,
        "usr/link/file": Act.ADDED,
        "usr/moved": Act.REMOVED,
        "usr/moved/below": Act.REMOVED,
        "usr/moved/below/file": Act.REMOVED,
        "usr/moved/file": Act.REMOVED,
    }


@pytest.mark.parametrize(
    ("act", "path"),
    [
        (lambda usr: os.chmod(usr / "kept/same", 0o600), "usr/kept/same"),
        (lambda usr: os.chown(usr / "kept/same", 8, 8), "usr/kept/same"),
        (lambda usr: os.chmod(usr / "kept", 0o700), "usr/kept"),
        (lambda usr: os.setxattr(usr / "kept", "user.note", b"mine"), "usr/kept"),
    ],
    ids=["mode", "owner", "mode of a directory", "attribute of a directory"],
)
def test_of_what_is_in_it_nothing(place: Path, act: Callable[[Path], None], path: str) -> None:
    act(place / "new/usr")
    assert found(place) == {path: Act.CHANGED}


def test_what_leaves_no_difference(place: Path) -> None:
    usr = place / "new/usr"
    (usr / "kept/same").touch()
    (usr / "kept/edited").write_text("kept/edited")
    (usr / "brief").mkdir()
    (usr / "brief").rmdir()
    subprocess.run(["mv", os.fspath(usr / "moved"), os.fspath(usr / "away")], check=True)
    subprocess.run(["mv", os.fspath(usr / "away"), os.fspath(usr / "moved")], check=True)
    assert found(place) == {}


def test_what_a_tree_cannot_hold(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.fspath(place / "new/usr/kept/talk"))
    with pytest.raises(CommitError, match="^/usr/kept/talk is a device, a socket or a fifo, and"):
        found(place)
