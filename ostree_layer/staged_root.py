# SPDX-License-Identifier: GPL-2.0-or-later
"""The folders of a staged root."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class StagedRoot:
    """`root` is lower with upper on it; `var` is what the transaction sees as /var."""

    folder: Path
    lower: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def upper(self) -> Path:
        return self.folder / "upper"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def var(self) -> Path:
        return self.folder / "var"
