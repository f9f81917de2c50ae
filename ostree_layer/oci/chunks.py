# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files of a tree go into which layer: by package, so that an update changes few layers."""

from __future__ import annotations

import dataclasses
import hashlib
import re

from ostree_layer import database
from ostree_layer.contents import Contents

# With the layer of the commit that makes 64: registries and container engines take 127.
OWN, SHARED = 28, 32
# Bytes from which on a package has a layer of its own.
LARGE = 4 << 20
# What changes with each version, and would drag along whatever shares its layer.
RPM_DATABASE, INITRAMFS, UNPACKAGED = RESTLESS = ("rpm database", "initramfs", "unpackaged")
INITRAMFS_FILE = re.compile(r"usr/lib/modules/[^/]+/initramfs.*")


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Objects that make a layer: of each file object all its paths in the tree; and whose they are."""

    components: tuple[str, ...]
    objects: dict[str, list[str]]


def divide(contents: Contents, owners: dict[str, str]) -> list[Chunk]:
    """The files of a commit, whose `owners` are packages by path, in at most OWN + SHARED + 3 chunks.

    What chunk a small package is in depends on nothing but its name.
    """
    sizes: dict[str, int] = {}
    contents.size(sizes)
    objects = _paths(contents)
    owned: dict[str, list[str]] = {}
    for name, paths in objects.items():
        owned.setdefault(_component(paths, owners), []).append(name)
    weights = {component: sum(sizes[name] for name in names) for component, names in owned.items()}
    heaviest = sorted(owned.keys() - {*RESTLESS}, key=lambda component: (-weights[component], component))[:OWN]
    alone = {component for component in heaviest if weights[component] >= LARGE} | {*RESTLESS}
    groups: dict[str, list[str]] = {}
    for component in sorted(owned):
        groups.setdefault(component if component in alone else str(_share(component)), []).append(component)
    return [
        Chunk(tuple(names), {name: objects[name] for component in names for name in owned[component]})
        for names in sorted(groups.values())
    ]


def _paths(contents: Contents) -> dict[str, list[str]]:
    """Of each file object the paths, without the first slash, in the order in which they are met."""
    found: dict[str, list[str]] = {}
    for path, entry in contents.walk(contents.root):
        if not entry.is_directory:
            found.setdefault(entry.contents, []).append(path[1:])
    return found


def _component(paths: list[str], owners: dict[str, str]) -> str:
    """Whose an object is; of several that have the same file, the first by name."""
    names = [owners[path] for path in paths if path in owners]
    if names:
        return min(names)
    if any(path.startswith(tuple(f"{folder}/" for folder in database.RPMDB_DIRECTORIES)) for path in paths):
        return RPM_DATABASE
    return INITRAMFS if INITRAMFS_FILE.fullmatch(paths[0]) else UNPACKAGED


def _share(component: str) -> int:
    return int(hashlib.sha256(component.encode(errors="surrogateescape")).hexdigest(), 16) % SHARED
