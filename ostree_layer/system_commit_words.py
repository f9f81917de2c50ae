# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said before what was done by hand becomes a deployment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ostree_layer import diff
from ostree_layer.by_hand import Found
from ostree_layer.fields import printable
from ostree_layer.model import Requests
from ostree_layer.requests import entries, shown

# So many of each kind are shown, where not all are asked for.
LINES = 10


def found(one: Found, title: str, former: Requests, wanted: Requests, *, in_full: bool) -> Iterator[str]:
    """What has changed since the deployment called title, and what will be asked for of it on other trees."""
    yield f"Changed in /usr by hand, since deployment {title}:"
    for name, paths in (
        ("Files that no package owns", one.fresh.unowned),
        ("Changed files of packages", one.fresh.changed),
        ("Removed files", one.fresh.removed),
    ):
        yield from _listed(name, paths, one.owners, in_full=in_full)
    changes = diff.compare(one.before, one.now)
    if changes:
        yield "  Packages:"
        yield from (f"    {line}" for line in diff.render(changes))
    if asked := sorted({*entries(wanted)} - {*entries(former)}):
        yield f"  From now on asked for, on other trees, too: {', '.join(map(shown, asked))}"
    if one.fresh:
        yield "An upgrade of the tree, or another one, comes without these files."


def _listed(name: str, paths: Collection[str], owners: Mapping[str, str], *, in_full: bool) -> Iterator[str]:
    if not paths:
        return
    yield f"  {name}: {len(paths)}"
    shortened = sorted(paths)[: None if in_full else LINES]
    yield from (f"    {printable(path)}" + (f" ({owners[path]})" if path in owners else "") for path in shortened)
    if len(shortened) < len(paths):
        yield f"    and {len(paths) - len(shortened)} more (all of them: -v)"
