# SPDX-License-Identifier: GPL-2.0-or-later
"""The units that are installed, read so that a test can run what they start."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests import guard

FOLDER = guard.CHECKOUT / "packaging/systemd"
DNF = "/usr/bin/dnf"


def arguments(unit: str, values: Mapping[str, str] | None = None) -> list[list[str]]:
    """Of each command that a unit starts, the arguments of dnf, with specifiers and variables as `values` has them."""
    found = []
    for line in re.findall(r"^ExecStart=(.*)$", (FOLDER / unit).read_text(), re.MULTILINE):
        for name, value in (values or {}).items():
            line = line.replace(name, value)
        program, *words = shlex.split(line)
        assert program == DNF and not re.search(r"%|\$", line), line
        found.append(words)
    return found


def install(root: Path) -> Path:
    """Install the units as `make install` does, below root, and return their folder."""
    guard.install(root)
    (root / DNF.strip("/")).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DNF, root / DNF.strip("/"))
    return root / "usr/lib/systemd/system"
