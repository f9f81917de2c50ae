# SPDX-License-Identifier: GPL-2.0-or-later
"""How the packages of two trees differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer import evr
from ostree_layer.model import Package, PackageDiff


def compare(old: Iterable[Package], new: Iterable[Package]) -> PackageDiff:
    """What leads from old to new; several versions of one name and architecture are added and removed one by one."""
    before, after = _by_name(old), _by_name(new)
    added: list[Package] = []
    removed: list[Package] = []
    changed: list[tuple[Package, Package]] = []
    for key in sorted(before.keys() | after.keys()):
        gone, come = before[key] - after[key], after[key] - before[key]
        if len(gone) == len(come) == 1:
            changed.append((gone.pop(), come.pop()))
        else:
            removed += sorted(gone)
            added += sorted(come)
    up, down = (tuple(pair for pair in changed if is_newer(*pair) is wanted) for wanted in (True, False))
    return PackageDiff(tuple(added), tuple(removed), up, down)


def _by_name(packages: Iterable[Package]) -> dict[str, set[Package]]:
    found: dict[str, set[Package]] = defaultdict(set)
    for package in packages:
        found[package.name_arch].add(package)
    return found


def is_newer(old: Package, new: Package) -> bool:
    return bool(_age(old) < _age(new))


def _age(package: Package) -> Any:
    return evr.key(package.epoch, package.version, package.release)


def touches(difference: PackageDiff, names: Iterable[str]) -> bool:
    """Whether a package called one of names differs."""
    changed = [new for _old, new in (*difference.upgraded, *difference.downgraded)]
    return not {package.name for package in (*changed, *difference.added, *difference.removed)}.isdisjoint(names)


def render(difference: PackageDiff) -> Iterator[str]:
    """The lines that a user reads, one a package."""
    for old, new in difference.upgraded:
        yield f"Upgraded    {old.name} {old.evr} -> {new.evr}"
    for old, new in difference.downgraded:
        yield f"Downgraded  {old.name} {old.evr} -> {new.evr}"
    for package in difference.removed:
        yield f"Removed     {package.nevra}"
    for package in difference.added:
        yield f"Added       {package.nevra}"


def as_json(difference: PackageDiff) -> dict[str, Any]:
    """The same by NEVRAs, pairs as [old, new]."""
    return {
        "added": [package.nevra for package in difference.added],
        "removed": [package.nevra for package in difference.removed],
        "upgraded": [[old.nevra, new.nevra] for old, new in difference.upgraded],
        "downgraded": [[old.nevra, new.nevra] for old, new in difference.downgraded],
    }
