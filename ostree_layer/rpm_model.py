# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that say what rpm knows of a package."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Change:
    """An entry of a package's changelog; `timestamp` is in seconds since the epoch."""

    timestamp: int
    author: str
    text: str


@dataclasses.dataclass(frozen=True)
class PackagedFile:
    """What a package says of a file; `digest` is empty where the content is nobody's business."""

    package: str
    path: str
    mode: int
    target: str
    size: int
    digest: str
    algorithm: str
    is_config: bool
    may_be_missing: bool
