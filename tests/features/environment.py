# SPDX-License-Identifier: GPL-2.0-or-later
"""A host for each scenario, gone after it; for a feature that is tagged so, a server of trees or a shop's trees."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.lab.server import Server
from tests.lab.shop import Shop
from tests.toys import CACHE


def before_feature(context: Any, feature: Any) -> None:
    (CACHE / "features").mkdir(parents=True, exist_ok=True)
    if "server" in feature.tags:
        context.server = Server(Path(tempfile.mkdtemp(dir=CACHE / "features")))
    if "shop" in feature.tags:
        context.shop = Shop(Path(tempfile.mkdtemp(dir=CACHE / "features")))


def after_feature(context: Any, feature: Any) -> None:
    if "server" in feature.tags:
        shutil.rmtree(context.server.folder)
    if "shop" in feature.tags:
        shutil.rmtree(context.shop.folder)


def before_scenario(context: Any, _scenario: Any) -> None:
    context.resources = contextlib.ExitStack()
    context.folder = Path(context.resources.enter_context(tempfile.TemporaryDirectory(dir=CACHE / "features")))
    context.host = None


def after_scenario(context: Any, _scenario: Any) -> None:
    if context.host is not None:
        context.host.remove()
    context.resources.close()
