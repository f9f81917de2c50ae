# SPDX-License-Identifier: GPL-2.0-or-later
"""What a bisection has come to: the first bad commit, and how it differs from the last good one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from ostree_layer import checkout, comparison, diff, repo, tree_words
from ostree_layer.bisection import words
from ostree_layer.bisection.state import Bisection, name
from ostree_layer.ostree_gi import OSTree


def lines(store: OSTree.Repo, bisection: Bisection, fetch: Callable[[str], object]) -> Iterator[str]:
    """Tell it; `fetch` pulls a commit without its content, where it is not here any more."""
    yield from words.result(bisection)
    good, bad = bisection.good, bisection.bad
    for commit in (good, bad):
        if not repo.has_commit(store, commit.checksum):
            fetch(commit.checksum)
    old, new = (checkout.packages(store, commit.checksum) for commit in (good, bad))
    if old is None or new is None:
        yield f"What changed since {name(good)} is not known: the packages of one of the two are not here."
        return
    yield f"What changed since {name(good)}, the last good one:"
    found = comparison.compare(store, good.checksum, bad.checksum, diff.compare(old, new))
    yield from (f"  {line}" if line else "" for line in tree_words.comparison(found))
