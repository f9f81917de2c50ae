# SPDX-License-Identifier: GPL-2.0-or-later
"""/etc as somebody sees it who is not root."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import etc
from ostree_layer.etc_model import LocalEtc

NOBODY = 65534


def test_what_may_not_be_read_is_named(folder: Path) -> None:
    for root in (folder / "defaults", folder / "mine"):
        (root / "secrets.d").mkdir(parents=True)
        for name in ("secret", "grown", "known"):
            (root / name).write_text(f"{name}\n")
    (folder / "mine/known").write_text("mine\n")
    (folder / "mine/grown").write_text("much longer than it was\n")
    for path in (folder / "mine", folder / "defaults"):
        for name, mode in (("secret", 0o600), ("grown", 0o600), ("secrets.d", 0o700)):
            (path / name).chmod(mode)
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        local = etc.local_changes(folder / "defaults", folder / "mine")
    finally:
        os.seteuid(0)
    assert etc.sorted_out(local) == LocalEtc(modified=("grown", "known"), unread=("secret", "secrets.d"))
