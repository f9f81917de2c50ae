# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tree is made of, as one digest: where it is the same again, so is the tree."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ostree_layer.compose.composed import Coming
from ostree_layer.treefile import files

# Goes up when the same inputs give another tree.
FORMAT = 2


def digest(tree: Any, contents: Sequence[str], packages: Iterable[Coming]) -> str:
    """The SHA-256, in hex, of a treefile with its files, of the contents that it stands on, and of its packages.

    Neither dates nor the places of files count.
    """
    whole = {
        "format": FORMAT,
        "treefile": {**tree.values, **_files(tree)},
        "base": list(contents),
        "packages": sorted((package.nevra, package.digest) for package in packages),
        "epoch": os.environ.get("SOURCE_DATE_EPOCH", ""),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def _files(tree: Any) -> dict[str, Any]:
    """The keys that name files, with their content in the place of their names."""
    checks = {key: {**tree[key], "filename": ""} for key in files.CHECKS}
    return {"add-files": [], "postprocess-script": "", **checks, **files.renamed(tree.values, _file)}


def _file(name: str) -> str:
    kind = "x" if os.access(name, os.X_OK) else "-"
    return f"{kind} {hashlib.sha256(Path(name).read_bytes()).hexdigest()}"
