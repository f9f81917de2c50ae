# SPDX-License-Identifier: GPL-2.0-or-later
"""A host for each scenario, gone after it; for a feature that is tagged so, a server of trees."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.lab.server import Server
from tests.toys import CACHE


def before_feature(context: Any, feature: Any) -> None:
    (CACHE / "features").mkdir(parents=True, exist_ok=True)
    if "server" in feature.tags:
        context.server = Server(Path(tempfile.mkdtemp(dir=CACHE / "features")))


def after_feature(context: Any, feature: Any) -> None:
    if "server" in feature.tags:
        shutil.rmtree(context.server.folder)


def before_scenario(context: Any, _scenario: Any) -> None:
    context.folder = Path(tempfile.mkdtemp(dir=CACHE / "features"))
    context.host = None


def after_scenario(context: Any, _scenario: Any) -> None:
    if context.host is not None:
        context.host.remove()
    shutil.rmtree(context.folder)
