# SPDX-License-Identifier: GPL-2.0-or-later
"""What an upper says was added to its lower, and what was replaced or removed there."""

from __future__ import annotations

import shutil
from pathlib import Path

from ostree_layer import mounts, upper


def test_changes(folder: Path) -> None:
    for name in ("lower/kept", "lower/emptied/below", "lower/renewed", "upper", "work", "merged"):
        (folder / name).mkdir(parents=True)
    for name in ("kept/edited", "kept/gone", "kept/same", "emptied/below/file", "renewed/file"):
        (folder / "lower" / name).write_text(name)
    merged = folder / "merged"
    mounts.overlay(folder / "lower", folder / "upper", folder / "work", merged)
    try:
        (merged / "kept/edited").write_text("anew")
        (merged / "kept/gone").unlink()
        (merged / "kept/link").symlink_to("same")
        shutil.rmtree(merged / "emptied")
        shutil.rmtree(merged / "renewed")
        (merged / "new").mkdir()
        (merged / "new/file").touch()
        (merged / "renewed").mkdir()
        (merged / "renewed/file").touch()
        found = upper.changes(folder / "upper", folder / "lower")
    finally:
        mounts.unmount(merged)
    assert found.replaced == {"kept/edited", "kept/gone", "emptied", "renewed", "renewed/file"}
    assert {"kept/link", "new/file"} <= found.added <= {"kept/link", "new", "new/file"}
    assert found.below("kept", "emptied/below") == {"kept/edited", "kept/gone", "kept/link"}
    assert found.below("new/fil") == set()
