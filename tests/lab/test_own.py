# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages from a machine's own repositories; here, the lab's repository stands for them."""

from __future__ import annotations

from pathlib import Path

from tests.lab import own, world


def test_download_with_all_dependencies(folder: Path) -> None:
    (folder / "repo").mkdir()
    source = [f"--repofrompath=world,file://{world.repository()}", "--repo=world", "--releasever=12", "--nogpgcheck"]
    own.download(folder / "repo", ["tree"], [*source, f"--setopt=cachedir={folder}/cache"])
    names = {path.name.rsplit("-", 2)[0] for path in (folder / "repo").glob("*.rpm")}
    assert {"tree", "libc6", "filesystem"} <= names
    assert (folder / "repo/repodata/repomd.xml").exists()
