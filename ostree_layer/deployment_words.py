# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said before deployments are changed, and of stateroots."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer import diff, tree_words
from ostree_layer.model import PackageDiff
from ostree_layer.stateroots import Entry, Removal, Stateroot
from ostree_layer.switching import Plan
from ostree_layer.tidying import Plan as Cleanup
from ostree_layer.var_data import KeptData


def plan(found: Plan) -> Iterator[str]:
    """What another deployment would change."""
    yield f"To boot next: deployment {found.title}."
    yield from _changes(found.changes)
    yield from _data(found.data)


def _changes(changes: PackageDiff) -> Iterator[str]:
    yield "Packages:" if changes else "The packages are the same."
    for line in diff.render(changes):
        yield f"  {line}"


def _data(data: Iterable[KeptData]) -> Iterator[str]:
    lines = [f"  {one.package} ({one.change}): {' '.join(one.paths)}" for one in data]
    if lines:
        yield "Warning: /var stays as it is. The data of these packages is not rolled back:"
        yield from lines


def cleanup(found: Cleanup) -> Iterator[str]:
    """What would go, and what of it stays."""
    yield from found.notes
    for title in found.titles:
        yield f"To be dropped: deployment {title}."
    for checksum in found.forgotten:
        yield f"To be forgotten: tree {checksum[:12]}."
    if not found:
        yield "There is nothing to drop."


def cleaned(found: Cleanup) -> Iterator[str]:
    """What is gone."""
    if found.titles:
        yield f"Dropped {_counted(len(found.titles), 'deployment')}."
    if found.forgotten:
        yield f"Forgot {_counted(len(found.forgotten), 'tree')}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def removal(found: Removal) -> Iterator[str]:
    """What goes with a stateroot."""
    yield f"To be removed: the stateroot {found.name}, with all that is in its /var and /etc. This cannot be undone."
    for title in found.deployments:
        yield f"  deployment {title}" + (", which is pinned" if title in found.pinned else "")


def stateroots(found: Iterable[Stateroot]) -> Iterator[str]:
    """The lines of `dnf stateroot list`."""
    for one in found:
        yield f"{'●' if one.booted else ' '} {one.name}" + ("" if one.deployments else " (no deployment)")
        for entry in one.deployments:
            yield f"    {_entry(entry)}"


def stateroots_as_json(found: Iterable[Stateroot]) -> dict[str, Any]:
    """`dnf stateroot list --json`."""
    return tree_words.document("stateroots", [dataclasses.asdict(one) for one in found])


def _entry(entry: Entry) -> str:
    notes = ", ".join(word for word in ("booted", "staged", "pinned") if getattr(entry, word))
    words = (str(entry.index), entry.checksum[:12], entry.version, entry.label, f"({notes})" if notes else "")
    return "  ".join(filter(None, words))
