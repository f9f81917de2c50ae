# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM files that no repository has, as they are kept for the next replay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ostree_layer import requests
from ostree_layer.model import Requests

FOLDER = "rpms"


def kept_file(work_folder: Path, digest: str) -> Path:
    """Where the RPM file of that sha256 is kept."""
    return work_folder / FOLDER / f"{digest}.rpm"


def drop_files(work_folder: Path, used: Iterable[Requests]) -> None:
    """Remove the kept RPM files that none of the requests name, not even one that waits for another base."""
    entries = (entry for wanted in used for entry in requests.entries(wanted) if requests.field_of(entry) == "local")
    named = {requests.value_of(entry).partition(":")[0] + ".rpm" for entry in entries}
    for path in (work_folder / FOLDER).glob("*"):
        if path.name not in named:
            path.unlink()
