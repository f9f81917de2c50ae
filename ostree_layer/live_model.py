# SPDX-License-Identifier: GPL-2.0-or-later
"""What was applied to the running system, as values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ostree_layer.running_code import Running


@dataclasses.dataclass(frozen=True)
class Record:
    """`deployment` is the path, below the sysroot, of the one whose /etc was given what `etc` has the seals of.

    `commit` is what runs since then, but for the packages that are `left` to the reboot.
    """

    deployment: str
    commit: str
    version: str = ""
    left: tuple[str, ...] = ()
    etc: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Live(NamedTuple):
    """A layer and its record."""

    folder: Path
    record: Record


class Applied(NamedTuple):
    """What runs now, what does not, and what could not be done."""

    record: Record
    outside: tuple[str, ...]
    complaints: tuple[str, ...]
    outdated: list[Running]
