# SPDX-License-Identifier: GPL-2.0-or-later
"""What has become of a store: the values that its acts report."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Published:
    """What became of it; `previous` is what the ref led to before, None where there was none.

    `deltas` are the commits that static deltas were made from.
    """

    ref: str
    checksum: str
    version: str
    previous: str | None
    deltas: tuple[str, ...]
    is_new: bool


@dataclasses.dataclass(frozen=True)
class Pruned:
    """Which commits go, which are kept only because this host has deployed them, and how many are kept otherwise."""

    removed: tuple[str, ...]
    deployed: tuple[str, ...]
    kept: int
