# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that stand beside a treefile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ostree_layer.errors import TreefileError
from ostree_layer.treefile.kinds import Value

FINALIZE = "finalize.d"


def require_no_programs(path: Path) -> None:
    """They would change the tree from outside, with all that the machine lets root do."""
    if any(one.is_file() and os.access(one, os.X_OK) for one in (path.parent / FINALIZE).glob("*")):
        raise TreefileError(f"{path}: programs in {FINALIZE} are not run", hint="postprocess: runs in the tree")


def found(key: str, content: Any, member: Value, folder: Path) -> Any:
    """The files that a value names, found beside the treefile that names them."""
    if key == "postprocess-script":
        return _found(content, key, member, folder)
    if key == "add-files":
        return [[_found(file, key, member, folder), place] for file, place in content]
    if key.startswith("check-") and "filename" in content:
        return {**content, "filename": _found(content["filename"], key, member, folder)}
    return content


def _found(name: str, key: str, member: Value, folder: Path) -> str:
    path = folder.resolve() / name
    if not path.is_file():
        raise member.mark.error(key, f"{folder / name}: no such file")
    return str(path)
