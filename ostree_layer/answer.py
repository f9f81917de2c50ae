# SPDX-License-Identifier: GPL-2.0-or-later
"""What an act of `dnf tree` answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Callable

from ostree_layer import tree_words

COMMIT = "REF|COMMIT|:VERSION"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What an act says: to people as lines, or to programs as a value under a name; and its exit status."""

    name: str
    value: Callable[[], Any]
    lines: Iterable[str]
    status: int = 0

    def document(self) -> dict[str, Any]:
        return tree_words.document(self.name, self.value())
