# SPDX-License-Identifier: GPL-2.0-or-later
"""Automatic updates of a host: what the last run came to, kept in a file for `dnf status`."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ostree_layer import diff, files
from ostree_layer.model import Advisory, PackageDiff

log = logging.getLogger(__name__)

NONE, CHECK, STAGE, APPLY = POLICIES = ("none", "check", "stage", "apply")
FILE = "automatic.json"


@dataclasses.dataclass(frozen=True)
class Available:
    """What an upgrade of the deployment `since`, a commit, would bring: a tree, or, without a `checksum`, packages.

    `changes` are those of packages, by NEVRAs; `advisories` are numbers by severity.
    """

    since: str
    refspec: str = ""
    checksum: str = ""
    version: str = ""
    timestamp: int = 0
    changes: Mapping[str, Any] = dataclasses.field(default_factory=lambda: diff.as_json(PackageDiff()))
    advisories: Mapping[str, int] = dataclasses.field(default_factory=dict)


def by_severity(advisories: Iterable[Advisory]) -> dict[str, int]:
    """How many advisories there are of each severity, in the order that they come in."""
    return dict(Counter(one.severity for one in advisories))


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: `time` is in seconds since the epoch, `ended` says how it ended.

    `deployed` is the commit of the last deployment that any run has made.
    """

    policy: str
    time: int
    ended: str
    failed: bool = False
    deployed: str = ""
    available: Available | None = None


def read(work: Path) -> Run | None:
    """The last run on the host with this work folder; None where there was none, or it is not for this user's eyes."""
    try:
        stored = json.loads((work / FILE).read_bytes())
        found = stored.pop("available")
        return Run(**stored, available=Available(**found) if found else None)
    except (FileNotFoundError, PermissionError):
        return None
    except (ValueError, KeyError, TypeError) as e:  # written by another version: the next run writes it anew
        log.debug("%s is not understood: %s", work / FILE, e)
        return None


def write(work: Path, run: Run) -> None:
    """Keep what a run came to."""
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(work / FILE, json.dumps(dataclasses.asdict(run), indent=2).encode() + b"\n")
