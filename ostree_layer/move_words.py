# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a way to another tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ostree_layer import diff, repo
from ostree_layer.advisories import first_things_first
from ostree_layer.fields import moment
from ostree_layer.model import Advisory, Destination, Outcome, Package, PackageDiff
from ostree_layer.ostree_gi import OSTree
from ostree_layer.requests import shown


def destination(
    store: OSTree.Repo, found: Destination, before: Iterable[Package], now: Iterable[Package]
) -> Iterator[str]:
    """The tree that is gone to, and how its packages differ from the host's."""
    yield "Tree:"
    yield f"  {tree(store, found)}"
    yield f"  {counted(diff.compare(before, now))}"
    yield ""


def tree(store: OSTree.Repo, found: Destination) -> str:
    """A tree in a line."""
    commit = repo.load_commit(store, found.checksum)
    words = [found.refspec, repo.version(commit), f"commit {found.checksum[:12]} of {moment(repo.timestamp(commit))}"]
    pinned = ", pinned" if found.is_pinned else ", until the next upgrade" if found.is_override else ""
    return "  ".join(filter(None, words)) + pinned


def counted(difference: PackageDiff) -> str:
    """A difference in numbers."""
    counts = {
        "upgraded": difference.upgraded,
        "downgraded": difference.downgraded,
        "removed": difference.removed,
        "added": difference.added,
    }
    said = ", ".join(f"{len(found)} {word}" for word, found in counts.items() if found)
    return f"Packages: {said}" if said else "Packages: the same"


def base_changes(base: Collection[Package], before: Collection[Package], now: Collection[Package]) -> Iterator[str]:
    """The packages of the base that a transaction changes."""
    names = {package.name_arch for package in base}
    found = diff.compare(*([p for p in some if p.name_arch in names] for some in (before, now)))
    if found:
        yield "Base packages that change:"
        yield from (f"  {line}" for line in diff.render(found))
        yield ""


def kept_back(outcome: Outcome) -> Iterator[str]:
    """The requests of which the new tree has nothing, and why."""
    for words, entries in (
        ("In the base already", outcome.inactive),
        ("Superseded by the base", outcome.superseded),
    ):
        if entries:
            yield f"{words}: {', '.join(map(shown, entries))}"
    for entry, reason in outcome.blocked.items():
        yield f"Parked until it fits: {shown(entry)} ({' '.join(reason.split())})"


def preview(difference: PackageDiff, advisories: Iterable[Advisory], *, in_full: bool) -> Iterator[str]:
    """The changes of a tree that was made and not deployed: in numbers, or one by one."""
    found = sorted({one.name: one for one in advisories}.values(), key=first_things_first)
    security = sum(one.kind == "security" for one in found)
    count = f"{len(found)} advisor{'y' if len(found) == 1 else 'ies'}"
    yield counted(difference) + (f"; {count}, {security} about security" if found else "")
    if in_full:
        yield from (f"  {line}" for line in diff.render(difference))
        yield from (f"  Advisory    {one.name} ({one.kind}, {one.severity})" for one in found)
    yield "Nothing was deployed: this was a preview."
