# SPDX-License-Identifier: GPL-2.0-or-later
"""What is ordered of a compose, and what comes of it."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ostree_layer import compose_options
from ostree_layer.compose import lockfile
from ostree_layer.compose.composed import Coming, Composed
from ostree_layer.compose.lockfile import Lock
from ostree_layer.treefile import Treefile


@dataclasses.dataclass(frozen=True)
class Order:
    """What is wanted beside the treefiles.

    `metadata` is for the commits; `branch` takes the place of the treefile's ref, `parent` that of the ref's commit.
    """

    locks: Mapping[str, Lock] = dataclasses.field(default_factory=dict)
    is_strict: bool = False
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    branch: str = ""
    parent: str = ""
    has_parent: bool = True
    even_if_unchanged: bool = False
    moves_ref: bool = True

    def of_members(self) -> Order:
        """What of it holds for the trees that others stand on, too."""
        return Order(locks=self.locks, is_strict=self.is_strict)


@dataclasses.dataclass(frozen=True)
class Layer:
    """A commit, in the workshop, whose files are added to a tree; `wins` over what is there already."""

    ref: str
    checksum: str
    content: str
    wins: bool


@dataclasses.dataclass(frozen=True)
class Base:
    """The commit, in the workshop, that a tree is composed on, its content and version, and what is left to do on it.

    One that is no tree has only what is in any tree before its first package. `coming` is what a tree of the same
    family took, `layers` are what `left` names as such.
    """

    checksum: str
    content: str
    version: str
    left: Treefile
    is_tree: bool
    coming: tuple[Coming, ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def contents(self) -> list[str]:
        """The checksums of the base's content, and of the layers'."""
        return [self.content, *(layer.content for layer in self.layers)]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a treefile: a commit, which is the one that there was before if nothing has changed.

    `coming` is what was taken from the repositories for it, and for the trees that it stands on.
    """

    tree: Treefile
    ref: str
    checksum: str
    content: str
    version: str
    parent: str | None
    is_new: bool
    coming: tuple[Coming, ...]
    composed: Composed | None = None


def from_options(opts: argparse.Namespace) -> Order:
    return Order(
        locks=lockfile.read(map(Path, opts.lockfile)),
        is_strict=opts.lockfile_strict,
        metadata=compose_options.metadata(opts),
        branch=opts.branch,
        parent=opts.parent,
        has_parent=not opts.no_parent,
        even_if_unchanged=opts.always,
        moves_ref=not opts.write_commitid_to,
    )
