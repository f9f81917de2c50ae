# SPDX-License-Identifier: GPL-2.0-or-later
"""Lockfiles: what is written is what is read."""

from __future__ import annotations

import json
from pathlib import Path

from ostree_layer.compose import lockfile
from ostree_layer.compose.lockfile import Lock

LOCKS = [Lock("app", "1:2-3.noarch", "sha256:00"), Lock("lib", "1-1.i686"), Lock("lib", "1-1.x86_64")]


def test_architectures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "lock.json"
    file.write_text(lockfile.render(LOCKS))
    assert list(json.loads(file.read_text())["packages"]) == ["app", "lib.i686", "lib.x86_64"]
    assert sorted(lockfile.read([file]).values()) == LOCKS


def test_a_later_file_has_the_say(tmp_path: Path) -> None:
    for number in "12":
        (tmp_path / number).write_text(lockfile.render([Lock("app", f"{number}-1.noarch"), Lock(number, "1-1.noarch")]))
    found = lockfile.read([tmp_path / "1", tmp_path / "2"])
    assert {lock.nevra for lock in found.values()} == {"app-2-1.noarch", "1-1-1.noarch", "2-1-1.noarch"}


def test_rpm_ostrees_own_are_read(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"packages": {"app": {"evr": "2-1", "arch": "noarch"}}}')
    assert lockfile.read([tmp_path / "lock"]) == {"app": Lock("app", "2-1.noarch")}
