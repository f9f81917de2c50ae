# SPDX-License-Identifier: GPL-2.0-or-later
"""What went into a composed tree."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from ostree_layer import diff
from ostree_layer.model import Package, PackageDiff


class Coming(NamedTuple):
    """A package of the transaction, and the digest that its repository's metadata has for it, as ALGORITHM:HEX."""

    name: str
    nevra: str
    evra: str
    digest: str
    built: int


@dataclasses.dataclass(frozen=True)
class Composed:
    """What is known of a tree when it is composed; `former` are the packages of the commit before.

    `inputs` is the digest of what it was made of, `base` the commit that it was composed on; empty where it had none.
    """

    version: str
    packages: tuple[Package, ...]
    former: tuple[Package, ...] | None
    inputs: str
    repositories: tuple[tuple[str, int], ...]
    base: str = ""

    @property
    def changes(self) -> PackageDiff:
        """How its packages differ from those of the commit before; empty where there was none."""
        return PackageDiff() if self.former is None else diff.compare(self.former, self.packages)
