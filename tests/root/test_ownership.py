# SPDX-License-Identifier: GPL-2.0-or-later
"""What a change of owner takes away is there afterwards."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ostree_layer import ownership

CAP_NET_RAW = bytes.fromhex("0100000200200000000000000000000000000000")


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "file"
    path.write_text("content\n")
    os.setxattr(path, ownership.CAPABILITY, CAP_NET_RAW)
    os.setxattr(path, "user.note", b"kept")
    path.chmod(0o6755)
    return path


def require(path: Path, owner: tuple[int, int]) -> None:
    status = path.lstat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (*owner, 0o6755)
    assert os.getxattr(path, ownership.CAPABILITY) == CAP_NET_RAW
    assert os.getxattr(path, "user.note") == b"kept"
    assert path.read_text() == "content\n"


def test_give(file: Path) -> None:
    ownership.give(file, 7, -1)
    require(file, (7, 0))


def test_copy(file: Path, folder: Path) -> None:
    ownership.give(file, 7, 8)
    ownership.copy(file, folder / "copy")
    require(folder / "copy", (7, 8))


def test_links(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")
    ownership.give(folder / "link", 7, 8)
    ownership.copy(folder / "link", folder / "copy")
    assert os.readlink(folder / "copy") == "nowhere"
    assert ((folder / "copy").lstat().st_uid, (folder / "copy").lstat().st_gid) == (7, 8)
