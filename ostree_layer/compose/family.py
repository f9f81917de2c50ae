# SPDX-License-Identifier: GPL-2.0-or-later
"""Which trees stand on which: one whose treefile includes that of another tree, and only adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ostree_layer import treefile
from ostree_layer.treefile import Treefile

# What may be otherwise in a tree than in the one that it stands on.
OWN = frozenset(
    """ref basearch variables metadata add-commit-metadata repo-metadata advisories-metadata container-cmd
    gpg-key automatic-version-prefix automatic-version-suffix default-target mutate-os-release postprocess-script
    check-passwd check-groups ignore-removed-users ignore-removed-groups preserve-passwd repos lockfile-repos
    repositories""".split()
)
# What may be more.
ADDED = frozenset(
    """packages groups repo-packages postprocess units etc-group-members add-files remove-files remove-from-packages
    ostree-layers ostree-override-layers""".split()
)


class Standing(NamedTuple):
    """The treefile of the tree below, and what the tree itself adds to it."""

    base: Treefile
    added: Treefile


def find(tree: Treefile) -> Standing | None:
    """The nearest tree that `tree` includes and only adds to; None where it must be composed from nothing.

    That depends on the treefiles alone, so that a tree is the same with its family and without.
    """
    for path in tree.trees:
        base = treefile.read(path, tree["basearch"], tree.given_release)
        if only_adds(tree, base):
            return Standing(base, _added(tree, base))
    return None


def only_adds(tree: Treefile, base: Treefile) -> bool:
    names = (tree.values.keys() | base.values.keys()) - OWN
    return all(_is_more(name, tree[name], base[name]) for name in names)


def _is_more(name: str, mine: Any, others: Any) -> bool:
    if name == "modules":
        return all(set(others[kind]) <= set(mine.get(kind, [])) for kind in others)
    if name in ADDED:
        return all(entry in mine for entry in others)
    return bool(mine == others)


def _added(tree: Treefile, base: Treefile) -> Treefile:
    """What is left to do when the base is there; its own values hold, too, but are not done again."""
    values: dict[str, Any] = dict(tree.values)
    for name in ADDED & values.keys():
        values[name] = [entry for entry in values[name] if entry not in base[name]]
    if "modules" in values:
        values["modules"] = _more_modules(values["modules"], base["modules"])
    if tree["postprocess-script"] == base["postprocess-script"]:
        values.pop("postprocess-script", None)
    return Treefile(tree.path, values)


def _more_modules(mine: Mapping[str, list[str]], others: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {kind: [name for name in names if name not in others.get(kind, [])] for kind, names in mine.items()}
