# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a file that is part of a treefile."""

from __future__ import annotations

from pathlib import Path

from ostree_layer.errors import TreefileError


def read_text(path: Path) -> str:
    """TreefileError where it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise TreefileError(f"{path}: {(e.strerror or str(e)).lower()}") from e
    except UnicodeDecodeError as e:
        raise TreefileError(f"{path}: this is not UTF-8: {e.reason} at byte {e.start}") from e
