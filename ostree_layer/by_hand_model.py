# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a tree is there by hand, as values."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ByHand:
    """The paths of a tree, each with a slash first, that are not there by packages, but by `dnf system-commit`.

    `changed` and `removed` are files of packages; a directory is named where nothing in it is, with a slash last.
    """

    unowned: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def paths(self) -> frozenset[str]:
        return frozenset({*self.unowned, *self.changed, *self.removed})
