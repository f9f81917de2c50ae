# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a tree in which something is by hand."""

from __future__ import annotations

from collections.abc import Iterator

from ostree_layer.by_hand_model import ByHand


def counted(number: int) -> str:
    return f"{number} file" + ("" if number == 1 else "s")


def left_behind(here: ByHand, there: ByHand) -> Iterator[str]:
    """Before a move to a tree that has not what is by hand here."""
    if left := here.paths - there.paths:
        yield f"By hand, and not taken along: {counted(len(left))}; 'dnf status --json' names what is by hand."
