# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that stand beside a treefile."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ostree_layer.errors import TreefileError
from ostree_layer.treefile.kinds import Value

FINALIZE = "finalize.d"
CHECKS = ("check-passwd", "check-groups")


def require_no_programs(path: Path) -> None:
    """They would change the tree from outside, with all that the machine lets root do."""
    if any(one.is_file() and os.access(one, os.X_OK) for one in (path.parent / FINALIZE).glob("*")):
        raise TreefileError(f"{path}: programs in {FINALIZE} are not run", hint="postprocess: runs in the tree")


def renamed(values: Mapping[str, Any], name: Callable[[str], Any]) -> dict[str, Any]:
    """The keys of a treefile that name files, each file by what `name` returns for it."""
    found: dict[str, Any] = {}
    if "add-files" in values:
        found["add-files"] = [[name(file), place] for file, place in values["add-files"]]
    if "postprocess-script" in values:
        found["postprocess-script"] = name(values["postprocess-script"])
    for key in CHECKS:
        if "filename" in values.get(key, {}):
            found[key] = {**values[key], "filename": name(values[key]["filename"])}
    return found


def found(key: str, content: Any, member: Value, folder: Path) -> Any:
    """The files that a value names, found beside the treefile that names them."""
    return renamed({key: content}, lambda name: _found(name, key, member, folder)).get(key, content)


def _found(name: str, key: str, member: Value, folder: Path) -> str:
    path = folder.resolve() / name
    if not path.is_file():
        raise member.mark.error(key, f"{folder / name}: no such file")
    return str(path)
