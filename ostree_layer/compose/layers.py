# SPDX-License-Identifier: GPL-2.0-or-later
"""Layers: what other commits hold, added to a tree."""

from __future__ import annotations

import os
from pathlib import Path

from ostree_layer import labels, ownership
from ostree_layer.errors import CommitError
from ostree_layer.layout import paths


def add(root: Path, layer: Path, ref: str, *, wins: bool) -> None:
    """Add to root what is in the folder `layer`; called in the cage, where root is /.

    What is there already is an error, or, if the layer `wins`, replaced. Directories become one.
    """
    for folder, directories, files in os.walk(layer):
        at = root / Path(folder).relative_to(layer)
        links = {name for name in directories if os.path.islink(os.path.join(folder, name))}
        for name in sorted({*directories} - links):
            _add_directory(Path(folder, name), at / name, ref, wins=wins)
        for name in sorted({*files} | links):
            _make_room(at / name, ref, wins=wins)
            ownership.copy(Path(folder, name), at / name, without=[labels.LABEL])


def _add_directory(source: Path, target: Path, ref: str, *, wins: bool) -> None:
    if target.is_dir() and not target.is_symlink():
        return
    _make_room(target, ref, wins=wins)
    target.mkdir()
    ownership.dress(source, target, without=[labels.LABEL])


def _make_room(path: Path, ref: str, *, wins: bool) -> None:
    if not os.path.lexists(path):
        return
    if not wins:
        hint = "ostree-override-layers may replace what packages have"
        raise CommitError(f"{path} is in the layer {ref} and in the tree already", hint=hint)
    paths.remove(path)
