# SPDX-License-Identifier: GPL-2.0-or-later
"""A host for each scenario, gone after it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.toys import CACHE


def before_scenario(context: Any, _scenario: Any) -> None:
    (CACHE / "features").mkdir(parents=True, exist_ok=True)
    context.folder = Path(tempfile.mkdtemp(dir=CACHE / "features"))
    context.host = None


def after_scenario(context: Any, _scenario: Any) -> None:
    if context.host is not None:
        context.host.remove()
    shutil.rmtree(context.folder)
