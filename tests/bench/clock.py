# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a program takes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence


def timed(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """The seconds that argv takes from start to end, on a machine that has nothing left to write."""
    os.sync()
    start = time.perf_counter()
    subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start
