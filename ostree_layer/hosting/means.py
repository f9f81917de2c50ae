# SPDX-License-Identifier: GPL-2.0-or-later
"""What an act has to work with."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Callable

from ostree_layer.downloads import Progress
from ostree_layer.model import Network, Settings, Target
from ostree_layer.report import Report


@dataclasses.dataclass(frozen=True)
class Means:
    """What DNF, its configuration and its command line say to every act.

    `repo` is what --repo names; `host` is the OSTree host to act on, None where there is none or --repo is given.
    `confirm` asks the user; `fetch` is what is at an address, RepoError where nothing is.
    """

    repo: Path | None
    host: Target | None
    settings: Settings
    network: Network
    report: Report
    pulling: Callable[[], contextlib.AbstractContextManager[Progress]]
    confirm: Callable[[], bool]
    fetch: Callable[[str], bytes]

    def store(self, named: Path | None = None) -> Path:
        """The folder of the store: the one that an act names, that of --repo, or the one of ostree.conf."""
        return named or self.repo or Path(self.settings.store)
