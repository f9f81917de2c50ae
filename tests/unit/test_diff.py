# SPDX-License-Identifier: GPL-2.0-or-later
"""Package differences, by rpm's own idea of newer."""

from __future__ import annotations

import time

from ostree_layer import diff
from ostree_layer.model import Package


def package(name: str, version: str, epoch: str = "0") -> Package:
    return Package(name, epoch, version, "1", "noarch")


def test_words() -> None:
    old = [package("a", "1.9"), package("b", "2"), package("gone", "1"), package("same", "1")]
    new = [package("a", "1.10"), package("b", "1", epoch="1"), package("come", "1", epoch="3"), package("same", "1")]
    assert list(diff.render(diff.compare(old, new))) == [
        "Upgraded    a 1.9-1 -> 1.10-1",
        "Upgraded    b 2-1 -> 1:1-1",
        "Removed     gone-1-1.noarch",
        "Added       come-3:1-1.noarch",
    ]


def test_downgrade() -> None:
    difference = diff.compare([package("a", "1.10")], [package("a", "1.9")])
    assert list(diff.render(difference)) == ["Downgraded  a 1.10-1 -> 1.9-1"]


def test_several_versions_of_one_name() -> None:
    difference = diff.compare([package("k", "1"), package("k", "2")], [package("k", "2"), package("k", "3")])
    assert list(diff.render(difference)) == ["Upgraded    k 1-1 -> 3-1"]
    difference = diff.compare([package("k", "1"), package("k", "2")], [package("k", "3")])
    assert [p.version for p in difference.removed] == ["1", "2"] and [p.version for p in difference.added] == ["3"]


def test_equal_trees_differ_in_nothing() -> None:
    assert not diff.compare([package("a", "1")], [package("a", "1")])


def test_many_upgrades_are_compared_in_no_time() -> None:
    """It was the square of their number once."""
    old, new = ([package(f"p{n}", version) for n in range(20_000)] for version in "12")
    start = time.process_time()
    assert len(diff.compare(old, new).upgraded) == 20_000
    assert time.process_time() - start < 5
