# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a deployment that waits runs already, by what is mounted on /usr."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ostree_layer import mountinfo
from ostree_layer.live_model import Live, Record

# In our folder; a layer has the name of its folder there.
FOLDER, RECORD = "live", "record.json"
SOURCE = "dnf-ostree-live:"
USR = Path("/usr")


def mounted(work: Path) -> list[Live]:
    """What is applied to the running system, the last on top."""
    return [Live(work / FOLDER / name, read(work / FOLDER / name)) for name in names()]


def current(work: Path) -> Record | None:
    """What runs in the place of the booted deployment, if anything does."""
    return next((live.record for live in reversed(mounted(work))), None)


def names() -> Iterator[str]:
    """Those of the layers that are mounted, the last on top."""
    # Only root sees what is mounted for others; anybody else is in the same namespace.
    for mount in mountinfo.read(mountinfo.OWN if os.geteuid() else mountinfo.FIRST):
        if mount.point == USR and mount.source.startswith(SOURCE):
            yield mount.source[len(SOURCE) :]


def read(folder: Path) -> Record:
    """What is kept beside a layer."""
    stored = json.loads((folder / RECORD).read_text())
    return Record(**{**stored, "left": tuple(stored["left"])})


def given_to(work: Path, deployment: Path) -> Mapping[str, str]:
    """What the /etc of a deployment was given, by path: see `etc_defaults`."""
    record = current(work)
    return record.etc if record and deployment.match(f"*/{record.deployment}") else {}
